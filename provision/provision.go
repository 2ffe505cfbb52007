// Package provision says what a backend promises the conductor: to bring a
// cell's machines up, to run commands on each, and to take them down. It knows
// no backend; see provision/libvirt for one.
package provision

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/testbed-lab/testbed/testbed"
)

// Request is what should run: one cell of a lab with its images built.
type Request struct {
	Lab      string // The lab's name.
	Source   string // Absolute path of the lab file.
	Owner    string // Who is answerable for what is made; see [Owner].
	Networks []testbed.Network
	Machines []MachineRequest
	// ID is the lab's UUID where it has none yet. Optional: a new one.
	ID string
	// Elsewhere are machines of the lab that another backend makes: those here know
	// their names. Optional.
	Elsewhere []MachineRequest
	// ElsewhereChanged says that of those some came or went: machines that stay here have
	// to be told.
	ElsewhereChanged bool
	// Ephemeral machines belong to the process that makes them: once it is gone
	// they are garbage, unless [Backend.Keep] was called. Others are kept from
	// the moment that the last step of the plan is done.
	Ephemeral bool
	// Seed is the lab's, and Boot the number of this making of its machines, from 0:
	// where they decide what a machine takes for random.
	Seed int64
	Boot int
}

// MachineRequest is one machine and the files it boots.
type MachineRequest struct {
	testbed.Machine
	Kernel      string // Local path of the bzImage.
	Root        string // Local path of the initramfs (uncompressed newc cpio).
	Disk        string // Local path of a read-only file system that is laid over the root. Optional.
	ImageDigest string // Identifies kernel, modules, root and disk together.
	Cmdline     string // Added to the kernel's command line.
	// Sealed makes it a machine that runs one program, with nothing in or out but
	// that program's input and output, and counts instructions. Optional.
	Sealed *Sealed
}

// Sealed is what a sealed machine runs, on the backends that have such.
type Sealed struct {
	Seed    string // A UUID: all of what the machine could take for random.
	Program []byte // A static executable.
	Input   []byte // What it reads.
	// Plugin is the emulator's, and keeps the machine's clock to the count of its
	// instructions. Optional.
	Plugin []byte
	// Counter has the plugin count instructions by their place too. Optional.
	Counter *Counter
}

// ErrSealed answers who would connect to a sealed machine.
var ErrSealed = errors.New("not on this backend: a guest that counts instructions has no way in, and runs only while it is measured; the libvirt backend has machines to look around in")

// Counter is the addresses of two functions of the program: what is executed from a call
// of the one to a call of the other is counted.
type Counter struct{ Opens, Closes uint64 }

// Action is what a step does to a thing.
type Action string

// The actions.
const (
	Create  Action = "create"
	Replace Action = "replace"
	Remove  Action = "remove"
	Keep    Action = "keep"
	// Check changes nothing: it looks whether a promise holds, at every up.
	Check Action = "check"
)

// Step is one thing that has to happen. What a plan prints and what up does are
// the same steps. Steps of the same Stage may run at once; stages run in order.
type Step struct {
	Stage  int
	Name   string // Such as "boot client".
	Action Action
	Why    string // Such as "memory changed".
	// Do is nil for Keep. It leaves nothing half-made when it fails.
	Do func(context.Context) error
}

// Backend makes machines. All calls end by their context's deadline.
type Backend interface {
	// Plan compares a request with what runs, and changes nothing.
	Plan(ctx context.Context, want Request) ([]Step, error)
	// Labs lists what runs, of this owner, by what the machines themselves carry.
	Labs(ctx context.Context) ([]Lab, error)
	// Machine connects to a running machine of a lab.
	Machine(ctx context.Context, lab, machine string) (Machine, error)
	// Down returns the steps that remove all that a lab has, down to nothing.
	Down(ctx context.Context, lab string) ([]Step, error)
	// Keep makes a lab whose machines are up outlive this process; see
	// [Request.Ephemeral].
	Keep(ctx context.Context, lab string) error
	// Garbage returns the steps that remove what carries the owner's mark and
	// belongs to no running lab.
	Garbage(ctx context.Context) ([]Step, error)
	// Facts describes the host for a lab's result: qemu, libvirt, accelerator, …; and how
	// the lab's machines were started, as long as they are there.
	Facts(ctx context.Context, lab string) (map[string]any, error)
	// State is what the kernel of that host has counted so far; nil where machines have
	// no host.
	State(ctx context.Context) (map[string]any, error)
	// Accelerator is "kvm" or "tcg", or "" where no machine is emulated.
	Accelerator() string
	// Boots says whether machines boot images. Where they do not, a request
	// carries none, and all machines run the kernel that is there.
	Boots() bool
	Close() error
}

// Lab is a lab that runs.
type Lab struct {
	Name     string        `json:"name"`
	ID       string        `json:"id"`
	Source   string        `json:"source"`
	Owner    string        `json:"owner"`
	Connect  string        `json:"connect"`
	Machines []MachineInfo `json:"machines"`
	Networks []string      `json:"networks"`
}

// MachineInfo is a machine that runs, or should.
type MachineInfo struct {
	Name        string `json:"name"`
	Domain      string `json:"domain"`
	State       string `json:"state"`            // running, paused, shut off, crashed, ….
	SSH         string `json:"ssh"`              // "127.0.0.1:PORT", with " on HOST" where that is another computer's.
	Sealed      bool   `json:"sealed,omitempty"` // It has no way in, and no SSH.
	ImageDigest string `json:"image_digest"`
}

// Machine is a running machine that commands can be run on.
type Machine interface {
	Name() string
	// Exec runs a command and waits for it. A command that ran and failed is an
	// [*ExitError]. Cancelling the context ends the command.
	Exec(ctx context.Context, cmd Command) error
	// PushAgent brings the agent to the machine and returns the path under which
	// Exec can run it. It verifies the SHA-256 there; one that is already there
	// is left alone. Nothing of it outlives the machine, or the connection to one
	// that exists.
	PushAgent(ctx context.Context, agent []byte) (path string, err error)
	// Console connects to the machine's console.
	Console(ctx context.Context) (io.ReadWriteCloser, error)
	// ConsoleLog is everything that the console has shown since boot.
	ConsoleLog(ctx context.Context) ([]byte, error)
	Close() error
}

// Command is a command for a machine.
type Command struct {
	Args   []string // Empty: a login shell.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	TTY    *TTY // Optional.
}

// TTY asks for a terminal.
type TTY struct {
	Term          string
	Width, Height int
	Resize        <-chan [2]int // Width and height. Optional.
}

// ExitError is a command's exit status other than 0.
type ExitError struct{ Status int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Status) }
