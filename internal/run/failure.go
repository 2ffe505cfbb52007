package run

import (
	"bytes"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// placedError is what went wrong, with how far the cell had come.
type placedError struct {
	place string
	err   error
}

func (e *placedError) Error() string { return e.err.Error() }
func (e *placedError) Unwrap() error { return e.err }

// placed says where an error came; of nil that is nothing.
func placed(place string, err error) error {
	if err == nil {
		return nil
	}
	return &placedError{place, err}
}

// placeOf is how far a cell had come when an error came; empty where nothing tells.
func placeOf(err error) string {
	var at *placedError
	if errors.As(err, &at) {
		return at.place
	}
	return ""
}

// hangError is an agent's last word on a kernel that does not return.
type hangError struct {
	proto.Hang
	text string
}

func (e *hangError) Error() string { return e.text }

// saidOf is the error that an agent ended with.
func saidOf(m proto.Message) error {
	if m.Hang == nil {
		return errors.New(m.Error)
	}
	return &hangError{*m.Hang, m.Error}
}

// crash keeps how a machine's kernel failed, if its console tells that it did, and says
// it in a line. Machines that share a kernel share its console, and its failure is one.
func (o *Outcome) crash(cell testbed.Cell, boot int, place, machine string, console []byte) string {
	crash, failed := provision.FirstCrash(console)
	if !failed {
		return ""
	}
	kept := testbed.Crash{
		Machine: machine, Complaint: crash.Complaint, Frames: append([]string{}, crash.Frames...), Hung: crash.Hung,
		Place: place, Console: o.keepConsole(cell, boot, machine, console), Tail: provision.Tail(console, provision.ConsoleLines),
	}
	same := func(other testbed.Crash) bool {
		return maps.Equal(other.Cell, cell.At()) && other.Boot == boot+1 && bytes.Equal(o.Consoles[path.Base(other.Console)], console)
	}
	if !slices.ContainsFunc(o.crashes, same) {
		o.addCrash(cell, boot, kept)
	}
	return crash.String()
}

// stall keeps that a machine came to no end, if an error says so: with its console, which
// shows no failure.
func (o *Outcome) stall(cell testbed.Cell, boot int, place, machine string, console []byte, err error) {
	var stalled interface{ Stalled() string }
	if !errors.As(err, &stalled) {
		return
	}
	kept := testbed.Crash{
		Machine: machine, Complaint: stalled.Stalled(), Frames: []string{}, Hung: true,
		Place: place, Console: o.keepConsole(cell, boot, machine, console), Tail: provision.Tail(console, provision.ConsoleLines),
	}
	// The agents of both roles end by it.
	if !slices.ContainsFunc(o.crashes, func(other testbed.Crash) bool {
		return maps.Equal(other.Cell, cell.At()) && other.Boot == boot+1 && other.Complaint == kept.Complaint
	}) {
		o.addCrash(cell, boot, kept)
	}
}

func (o *Outcome) addCrash(cell testbed.Cell, boot int, crash testbed.Crash) {
	crash.Cell, crash.Boot = cell.At(), boot+1
	o.crashes = append(o.crashes, crash)
}

// blame keeps how kernels failed by which a cell ended. The other cells have a result all
// the same, and this one its place in it.
func (o *Outcome) blame(cell testbed.Cell, boot int, err error) {
	for _, one := range apart(err) {
		var down interface {
			Crashed() (machine string, console []byte)
		}
		if errors.As(one, &down) {
			machine, console := down.Crashed()
			o.keepConsole(cell, boot, machine, console)
			if o.crash(cell, boot, placeOf(err), machine, console) == "" {
				o.stall(cell, boot, placeOf(err), machine, console, one)
			}
		}
	}
	var hang *hangError
	if !errors.As(err, &hang) {
		return
	}
	crash := testbed.Crash{Machine: hang.Machine, Place: placeOf(err), Hung: true, Frames: []string{}}
	crash.Complaint = hang.Doing + " " + hang.Symptom()
	if len(hang.Tasks) > 0 {
		crash.Complaint += "; " + hang.Tasks[0].Name + " waits"
		crash.Frames = append(crash.Frames, hang.Tasks[0].Frames...)
	}
	file := consoleFile(cell, hang.Machine, boot)
	if console := o.Consoles[file]; console != nil {
		crash.Console, crash.Tail = path.Join(consolesFolder, file), provision.Tail(console, provision.ConsoleLines)
	}
	o.addCrash(cell, boot, crash)
}

// apart are the errors that were joined to one, and that itself where none were.
func apart(err error) []error {
	for one := err; one != nil; one = errors.Unwrap(one) {
		if joined, is := one.(interface{ Unwrap() []error }); is {
			var all []error
			for _, part := range joined.Unwrap() {
				all = append(all, apart(part)...)
			}
			return all
		}
	}
	return []error{err}
}

// failed keeps that a cell ended early, and why.
func (o *Outcome) failed(cell testbed.Cell, err error) {
	o.failures = append(o.failures, testbed.CellFailure{Cell: cell.At(), Reason: reasonOf(err.Error())})
}

// reasonOf is an error in one line: consoles have files of their own, and what kernels
// said of blocks stands in the blocks.
func reasonOf(text string) string {
	var whole string
	for line := range strings.Lines(provision.WithoutConsole(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line == kernelsLead:
		case whole == "":
			whole = line
		case strings.HasSuffix(whole, ":"):
			whole += " " + line
		default:
			whole += "; " + line
		}
	}
	return whole
}
