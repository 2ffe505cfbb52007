package cli

import (
	"cmp"
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/testbed-lab/testbed/report"
)

// judge is how what was found is held against what was injected.
type judge struct {
	column  string                                 // What a delay is judged by.
	hold    func(report.Recovery) (string, string) // That, and why it does not hold.
	clause  string                                 // What is said of those that hold.
	mayMiss int
}

// byInterval judges a rig, whose noise the interval is. A perfect instrument misses with
// one in twenty, so that of six one is outside in 26% of calibrations and more than one
// in 3%.
var byInterval = judge{"95% interval", inInterval, "lie inside the interval", 1}

func inInterval(r report.Recovery) (shown, fault string) {
	shown = fmt.Sprintf("%.1f to %.1f µs", *r.Found.Lo/1e3, *r.Found.Hi/1e3)
	switch {
	case !r.Inside():
		return shown, "outside"
	case r.Metric == "p50" && *r.Found.Lo <= 0: // On a rig that is busy enough anything lies inside.
		return shown, "inside, as is 0: not found, the rig is too noisy"
	}
	return shown, ""
}

// byShare judges the instrument alone, on a clock that is the guest's instruction count.
// What seeds differ by is not its error, so there is no interval to judge by: what is
// left is what the guest's kernel does beside, such as a tick in a transaction, which is
// some thousand instructions or 1 µs.
var byShare = judge{"off by", within, "are found to 5%", 0}

// mostOff is 2.5 such ticks of the shortest delay, 50 µs.
const mostOff = 0.05

func within(r report.Recovery) (shown, fault string) {
	off := *r.Found.Estimate/float64(r.Injected) - 1
	if math.Abs(off) > mostOff {
		fault = "too far"
	}
	return fmt.Sprintf("%+.2f%%", 100*off), fault
}

func (j judge) holds(r report.Recovery) bool {
	if !r.Known() {
		return false
	}
	_, fault := j.hold(r)
	return fault == ""
}

// found says that enough of the delays were found. A median that was not, as its
// interval holds 0 too or is not known, is one too many.
func (j judge) found(all []report.Recovery) bool {
	missed := 0
	for _, r := range all {
		if j.holds(r) {
			continue
		}
		if !r.Known() || r.Inside() {
			return false
		}
		missed++
	}
	return missed <= j.mayMiss && len(all) > 0
}

func (a *app) printRecoveries(all []report.Recovery, j judge) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "injected\tmetric\tfound\t%s\t\n", j.column)
	hold := 0
	for _, r := range all {
		if !r.Known() {
			fmt.Fprintf(w, "%v\t%s\t\t%s\tnot known\n", r.Injected, r.Metric, r.Found.Reason)
			continue
		}
		shown, fault := j.hold(r)
		if fault == "" {
			hold++
		}
		fmt.Fprintf(w, "%v\t%s\t%.1f µs\t%s\t%s\n", r.Injected, r.Metric, *r.Found.Estimate/1e3, shown, cmp.Or(fault, "found"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	verdict := "calibrated"
	if !j.found(all) {
		verdict = "not calibrated"
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %d of %d delays %s, %d have to\n", verdict, hold, len(all), j.clause, len(all)-j.mayMiss)
	return err
}
