package guestagent

import (
	"fmt"
	"io"
	"time"
)

// patient is a writer that gives up on a reader that is gone without a word, as
// an SSH server is whose connection was cut: it takes nothing any more, and the
// machine has to be put back all the same. Each write ends before the next
// begins and before its caller goes on, so nothing is sent while a block runs.
type patient struct {
	out      io.Writer
	patience time.Duration
	err      error // Sticky: after it, what was written is incomplete.
}

func (p *patient) Write(text []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	type answer struct {
		n   int
		err error
	}
	written := make(chan answer, 1)
	// The caller may use its buffer again while a write that was given up hangs.
	text = append([]byte(nil), text...)
	go func() {
		n, err := p.out.Write(text)
		written <- answer{n, err}
	}()
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	select {
	case a := <-written:
		p.err = a.err
		return a.n, a.err
	case <-timer.C:
		p.err = fmt.Errorf("the conductor has read nothing for %v", p.patience)
		return 0, p.err
	}
}
