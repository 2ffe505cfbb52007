package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/thread"
)

const (
	// endTimeout is how long a tool has between being asked and being made to end.
	endTimeout = 2 * time.Second
	// keptOutput is more than either tool prints in a run.
	keptOutput = 64 << 10
	// lastLines of its output are told when a tool fails.
	lastLines = 6
)

// folders are looked in after PATH, which a session without a login may lack.
var folders = []string{"/usr/bin", "/usr/local/bin", "/bin"}

// find looks a tool up.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return filepath.Abs(path)
	}
	for _, folder := range folders {
		if path, err := exec.LookPath(folder + "/" + program); err == nil {
			return path, nil
		}
	}
	pkg := map[string]string{"netserver": Netperf}[program]
	if pkg == "" {
		pkg = program
	}
	return "", unsupportedf("%s is not installed: Debian package %s", program, pkg)
}

// process is a tool at work.
type process struct {
	name   string
	cmd    *exec.Cmd
	output output
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // Set when ended is closed.
}

// start runs a tool on a thread of its own, which the tool inherits namespace,
// CPU and scheduler from. The thread stays until the tool ends, because the
// kernel takes the thread's end for that of the parent (Pdeathsig).
func (c *Config) start(ctx context.Context, program string, arguments ...string) (*process, error) {
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: program, cancel: cancel, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, path, arguments...)
	p.cmd.Env = append(os.Environ(), "LC_ALL=C")
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM) }
	p.cmd.WaitDelay = endTimeout
	started := make(chan error, 1)
	finished := thread.Run(func() error {
		if err := c.settle(); err != nil {
			return err
		}
		if err := p.cmd.Start(); err != nil {
			return fmt.Errorf("start %s: %w", program, err)
		}
		started <- nil
		return p.cmd.Wait()
	})
	select {
	case <-started:
	case err := <-finished:
		if len(started) == 0 {
			cancel()
			return nil, err
		}
		p.end(err)
		return p, nil
	}
	go func() { p.end(<-finished) }()
	return p, nil
}

func (p *process) end(err error) {
	p.err = err
	p.cancel()
	close(p.ended)
}

// settle puts the calling thread where the agent's own loop would be. The agent
// may have left the thread SCHED_IDLE, which a tool would inherit.
func (c *Config) settle() error {
	if c.Enter != nil {
		if err := c.Enter(); err != nil {
			return err
		}
	}
	if err := thread.Pin(c.Test.CPU); err != nil {
		return err
	}
	attributes := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if c.Test.Priority > 0 {
		attributes.Policy, attributes.Priority = unix.SCHED_FIFO, uint32(c.Test.Priority)
	}
	if err := unix.SchedSetAttr(0, &attributes, 0); err != nil {
		return fmt.Errorf("set scheduling policy of the tool: %w", err)
	}
	return nil
}

// stop ends the tool and waits for that. It is an error if the tool had ended
// before.
func (p *process) stop() error {
	select {
	case <-p.ended:
		return p.failure("ended by itself")
	default:
	}
	p.cancel()
	<-p.ended // WaitDelay bounds it.
	return nil
}

// failure is an error with the last that the tool said.
func (p *process) failure(what string) error {
	if p.err != nil {
		what += " (" + p.err.Error() + ")"
	}
	return fmt.Errorf("%s %s; %s", p.name, what, p.output.last())
}

// output keeps the end of what a tool prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if excess := o.text.Len() - keptOutput; excess > 0 {
		o.text.Next(excess)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return plain(o.text.String())
}

// last are the last lines, as one.
func (o *output) last() string { return lastOf(o.String()) }

func lastOf(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	if len(lines) == 0 {
		return "it said nothing"
	}
	return "it said last: " + strings.Join(lines[max(0, len(lines)-lastLines):], " | ")
}
