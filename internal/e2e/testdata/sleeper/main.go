// The sleeper is PID 1 of a guest that does nothing but fall asleep and wake. It says
// when it woke, all in one number, and powers the guest off.
package main

import (
	"fmt"
	"hash/fnv"

	"golang.org/x/sys/unix"
)

const sleeps = 20_000

func main() {
	woken := fnv.New64a()
	var now unix.Timespec
	for i := range int64(sleeps) {
		unix.Nanosleep(&unix.Timespec{Nsec: 50_000 + i*7919%400_000}, nil)
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		fmt.Fprintln(woken, now.Nano())
	}
	fmt.Printf("\nwoken %d times: %016x, the last at %d ns\n", sleeps, woken.Sum64(), now.Nano())
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
