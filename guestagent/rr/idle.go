package rr

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
)

// mayIdle says whether a thread that went to SCHED_IDLE may come back, which
// takes CAP_SYS_NICE outside of any user namespace. An ordinary user's may not:
// nothing is put into the background then, or a loop that a background thread
// started would stay there itself.
var mayIdle = sync.OnceValue(func() bool {
	return <-thread.Run(func() error {
		self := unix.Gettid()
		if err := setPolicy(self, schedIdle, 0); err != nil {
			return err
		}
		return setPolicy(self, schedOther, 0)
	}) == nil
})
