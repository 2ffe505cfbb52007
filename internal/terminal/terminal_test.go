package terminal

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/testbed-lab/testbed/internal/progress"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// rig is a display with a clock that the test turns.
type rig struct {
	*Display
	sink progress.Sink
	now  time.Time
}

func newRig(out io.Writer, options Options) *rig {
	r := &rig{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	options.Every = -1
	options.Now = func() time.Time { return r.now }
	r.Display = New(out, options)
	r.sink = r.Sink()
	return r
}

func (r *rig) after(d time.Duration) {
	r.now = r.now.Add(d)
	r.Tick()
}

func (r *rig) emit(step string, state progress.State, change ...func(*progress.Event)) {
	e := progress.Event{Time: r.now, Step: step, State: state}
	for _, c := range change {
		c(&e)
	}
	r.sink(e)
}

func at(current, total int64, unit, detail string) func(*progress.Event) {
	return func(e *progress.Event) { e.Current, e.Total, e.Unit, e.Detail = current, total, unit, detail }
}

// story is what `up` goes through, with a picture now and then.
func story(r *rig, picture func(title string)) {
	r.sink(progress.Event{Time: r.now, State: progress.Note, Detail: "no KVM here: machines run under QEMU's emulation (TCG), many times slower; ratios between modes still mean something"})
	r.emit("download linux-image-6.12.41-cloud-amd64", progress.Started)
	for i := range int64(4) {
		r.emit("download linux-image-6.12.41-cloud-amd64", progress.Running, at(i*5_000_000, 40_000_000, "bytes", ""))
		r.after(500 * time.Millisecond)
	}
	picture("downloading")
	r.emit("download linux-image-6.12.41-cloud-amd64", progress.Done)
	r.emit("download busybox", progress.Started)
	r.after(200 * time.Millisecond)
	picture("the next download")
	r.emit("download busybox", progress.Done)
	r.emit("build image debian", progress.Skipped, func(e *progress.Event) { e.Detail = "cached" })
	r.emit("boot client", progress.Started)
	r.emit("boot server", progress.Started)
	r.after(2500 * time.Millisecond)
	picture("two at once")
	r.emit("boot client", progress.Done)
	r.after(12 * time.Second)
	picture("one left")
	r.emit("boot server", progress.Failed, func(e *progress.Event) {
		e.Error = "boot machine \"server\": \x1b[31mKernel panic\nwith a console"
	})
	r.emit("measure tcp_rr", progress.Started)
	for i := range int64(24) {
		r.emit("measure tcp_rr", progress.Running, at(i, 80, "blocks", fmt.Sprintf("round %d/10, ipvlan_l2", i/8+1)))
		r.after(time.Second)
	}
	picture("measuring")
	r.emit("measure tcp_rr", progress.Done)
}

func TestTerminal(t *testing.T) {
	for name, options := range map[string]Options{
		"unicode": {Unicode: true, Color: true},
		"ascii":   {},
		"narrow":  {Unicode: true, Size: func() (int, int) { return 48, 24 }},
	} {
		t.Run(name, func(t *testing.T) {
			width := 80
			if options.Size != nil {
				width, _ = options.Size()
			}
			s := &screen{t: t, width: width}
			options.TTY = true
			r := newRig(s, options)
			var film strings.Builder
			picture := func(title string) { fmt.Fprintf(&film, "== %s\n%s", title, s) }
			story(r, picture)
			r.Close()
			picture("closed")
			golden(t, name+".golden", film.String())
		})
	}
}

func TestPlainLines(t *testing.T) {
	var out strings.Builder
	r := newRig(&out, Options{})
	story(r, func(string) {})
	r.Close()
	golden(t, "plain.golden", out.String())
}

func TestJSONLinesAreTheEvents(t *testing.T) {
	var out strings.Builder
	r := newRig(&out, Options{JSON: true})
	r.emit("boot client", progress.Started)
	r.emit("boot client", progress.Running, at(3, 8, "blocks", "round 1/2"))
	r.Tick()
	r.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines for 2 events:\n%s", len(lines), &out)
	}
	var got progress.Event
	if err := json.Unmarshal([]byte(lines[1]), &got); err != nil {
		t.Fatal(err)
	}
	want := progress.Event{Time: r.now, Step: "boot client", State: progress.Running, Current: 3, Total: 8, Unit: "blocks", Detail: "round 1/2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// More machines than lines: the cursor must not climb over the screen's top.
func TestMoreStepsThanLines(t *testing.T) {
	s := &screen{t: t, width: 80}
	r := newRig(s, Options{TTY: true, Size: func() (int, int) { return 80, 6 }})
	for i := range 12 {
		r.emit(fmt.Sprintf("boot vm-%d", i), progress.Started)
	}
	if rows := strings.Count(s.String(), "\n"); rows != 5 {
		t.Errorf("%d lines on a terminal of 6, want 5:\n%s", rows, s)
	}
	if want := "and 8 more"; !strings.Contains(s.String(), want) {
		t.Errorf("no %q in\n%s", want, s)
	}
	for i := range 12 {
		r.emit(fmt.Sprintf("boot vm-%d", i), progress.Done)
	}
	r.Close()
	if got := strings.Count(s.String(), "boot vm-"); got != 12 || strings.Contains(s.String(), "more") {
		t.Errorf("%d lines stayed, want 12:\n%s", got, s)
	}
}

func TestCloseClearsWhatMovesAndLaterEventsAreLines(t *testing.T) {
	s := &screen{t: t, width: 80}
	r := newRig(s, Options{TTY: true})
	r.emit("boot client", progress.Started)
	r.Close()
	r.Close()
	if s.String() != "\n" || s.col != 0 {
		t.Errorf("Close left %q and the cursor in column %d", s, s.col)
	}
	r.emit("boot client", progress.Failed, func(e *progress.Event) { e.Error = "interrupted" })
	if want := "testbed: failed: boot client  0.0 s  interrupted\n"; s.String() != want {
		t.Errorf("after Close: %q, want %q", s, want)
	}
}

func TestSeveralGoroutines(t *testing.T) {
	s := &screen{t: t, width: 80}
	d := New(s, Options{TTY: true, Every: time.Millisecond, Size: func() (int, int) { return 80, 60 }})
	sink := d.Sink()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 5 {
				err := sink.Do(fmt.Sprintf("step %d.%d", i, j), func() error {
					sink.Note("note")
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	d.Close()
	if got := strings.Count(s.String(), "+ step "); got != 40 {
		t.Errorf("%d finished lines, want 40:\n%s", got, s)
	}
}

// The writer's failure is nobody's business: the work goes on.
func TestBrokenWriter(t *testing.T) {
	r := newRig(brokenWriter{}, Options{TTY: true})
	story(r, func(string) {})
	r.Close()
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestDetect(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name                string
		out                 io.Writer
		env                 map[string]string
		tty, color, unicode bool
	}{
		{"terminal", slave, map[string]string{"LANG": "de_DE.UTF-8"}, true, true, true},
		{"no colour", slave, map[string]string{"NO_COLOR": "1", "LC_ALL": "C.utf8"}, true, false, true},
		{"dumb", slave, map[string]string{"TERM": "dumb"}, false, false, false},
		{"LC_ALL wins", slave, map[string]string{"LC_ALL": "C", "LANG": "C.UTF-8"}, true, true, false},
		{"no file", io.Discard, map[string]string{"LANG": "C.UTF-8"}, false, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Detect(test.out, func(name string) string { return test.env[name] })
			if got.TTY != test.tty || got.Color != test.color || got.Unicode != test.unicode {
				t.Errorf("Detect: terminal %v, colour %v, unicode %v, want %v, %v, %v",
					got.TTY, got.Color, got.Unicode, test.tty, test.color, test.unicode)
			}
			if !got.TTY {
				return
			}
			if w, h := got.Size(); w != 100 || h != 30 {
				t.Errorf("size %d by %d, want 100 by 30", w, h)
			}
		})
	}
}

// On a real terminal device, with the display's own clock.
func TestPty(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, width: 60}
	read := make(chan struct{})
	go func() {
		defer close(read)
		// A pty's master ends in EIO once the other side is closed.
		_, _ = io.Copy(s, master)
	}()
	d := New(slave, Detect(slave, func(string) string { return "" }))
	err = d.Sink().Do("boot client with a name that is far too long for sixty columns", func() error { return nil })
	d.Close()
	slave.Close()
	<-read
	if err != nil {
		t.Fatal(err)
	}
	if want := "+ boot client with a name that is far too long for sixty...\n"; s.String() != want {
		t.Errorf("screen %q, want %q", s, want)
	}
}
