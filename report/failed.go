package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// What became of a cell, or of a machine in it.
const (
	crashedWord = "crashed" // Its kernel stopped.
	hungWord    = "hung"    // Its kernel waits for ever.
	failedWord  = "failed"  // Anything else, such as an image that cannot be built.
)

// failure is a kernel that failed, or a cell that ended early for another reason, as all
// outputs tell it.
type failure struct {
	ID      string // In the page.
	Cell    string // Empty without a matrix.
	Word    string
	Where   string // The machine, and how far the cell had come.
	Why     string
	Trace   string // The first functions; empty: there are none.
	Console string // The file's place in the result; empty: it was not kept.
	Tail    string // The last lines of it.
	From    string // Where it stands in the result.
}

// failures are the kernels that failed, and then the cells that ended early although none
// of their kernels did.
func failures(r testbed.Result) (all []failure) {
	for i, c := range r.Crashes {
		f := failure{
			Cell: CellText(c.Cell), Word: crashedWord, Why: c.Complaint, Trace: strings.Join(c.Frames, " < "),
			Console: c.Console, Tail: strings.Join(c.Tail, "\n"), From: fmt.Sprintf("/crashes/%d", i),
		}
		if c.Hung {
			f.Word = hungWord
		}
		where := []string{"machine " + c.Machine}
		if c.Boot > 1 {
			where = append(where, fmt.Sprintf("boot %d", c.Boot))
		}
		if c.Place != "" {
			where = append(where, map[bool]string{true: "at ", false: "in "}[c.Place == "boot"]+c.Place)
		}
		f.Where = strings.Join(where, ", ")
		all = append(all, f)
	}
	for i, c := range r.Failures {
		if _, crashed := crashOf(r, c.Cell); !crashed {
			all = append(all, failure{Cell: CellText(c.Cell), Word: failedWord, Why: c.Reason, From: fmt.Sprintf("/failures/%d", i)})
		}
	}
	for i := range all {
		all[i].ID = fmt.Sprintf("failure-%d", i+1)
	}
	return all
}

func crashOf(r testbed.Result, cell map[string]string) (testbed.Crash, bool) {
	i := slices.IndexFunc(r.Crashes, func(c testbed.Crash) bool { return maps.Equal(c.Cell, cell) })
	if i < 0 {
		return testbed.Crash{}, false
	}
	return r.Crashes[i], true
}

// failuresTitle heads the list.
func failuresTitle(r testbed.Result) string {
	cells := map[string]bool{}
	for _, f := range failures(r) {
		cells[f.Cell] = true
	}
	all := map[string]bool{}
	for _, t := range r.Tests {
		all[CellText(t.Cell)] = true
	}
	if len(all) < 2 {
		return "What failed"
	}
	return fmt.Sprintf("What failed, in %d of %s", len(cells), count(len(all), "cell"))
}

// absentBy is the failure by which a mode has no figure; nil where the mode has a reason
// of its own.
func absentBy(r testbed.Result, all []failure, t testbed.TestResult, m testbed.ModeResult) *failure {
	ended := slices.ContainsFunc(r.Failures, func(c testbed.CellFailure) bool {
		return maps.Equal(c.Cell, t.Cell) && m.Reason == absence(r, c)
	})
	if !ended || m.Status != testbed.StatusFailed {
		return nil
	}
	i := slices.IndexFunc(all, func(f failure) bool { return f.Cell == CellText(t.Cell) })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// explainAbsence tells of modes that no block arrived of, because the cell ended before.
func (t *trial) explainAbsence(r testbed.Result) {
	for _, f := range r.Failures {
		if maps.Equal(f.Cell, t.coordinates) {
			t.absent = absence(r, f)
			return
		}
	}
}

// absence is a cell's failure as it stands beside a mode.
func absence(r testbed.Result, f testbed.CellFailure) string {
	c, crashed := crashOf(r, f.Cell)
	switch {
	case crashed && c.Hung:
		return fmt.Sprintf("the kernel of %s %s: %s", c.Machine, hungWord, c.Complaint)
	case crashed:
		return fmt.Sprintf("the kernel of %s %s: %s", c.Machine, crashedWord, c.Complaint)
	}
	return f.Reason
}

// lines are the failure below its head, in words.
func (f failure) lines() []string {
	lines := []string{f.Why}
	if f.Trace != "" {
		lines = append(lines, "in "+f.Trace)
	}
	if f.Console != "" {
		lines = append(lines, "console: "+f.Console)
	}
	return lines
}

// head is the cell, what became of it, and where.
func (f failure) head() string {
	text := strings.TrimSpace(f.Cell + " " + f.Word)
	if f.Where != "" {
		text += ": " + f.Where
	}
	return text
}

// place is the cell, where there are several, and the machine, where one is known.
func (f failure) place() string {
	known := slices.DeleteFunc([]string{f.Cell, f.Where}, func(s string) bool { return s == "" })
	return strings.Join(known, "; ")
}

// failures draws the list.
func (p *pen) failures(r testbed.Result) {
	all := failures(r)
	if len(all) == 0 {
		return
	}
	p.line()
	p.paragraph("", strings.ToLower(failuresTitle(r)), bold)
	for _, f := range all {
		p.hanging("  ", pad(f.Word, len(crashedWord), true), red, f.place())
		for _, line := range f.lines() {
			p.paragraph(strings.Repeat(" ", len(crashedWord)+4), line, normal)
		}
	}
}
