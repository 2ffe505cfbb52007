package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// calibrate runs the lab whose answer is known and says whether it was found: in
// a guest of its own, or on this very kernel where the backend is the local one.
func (a *app) calibrate(ctx context.Context, out string, asJSON bool) error {
	dir, err := os.MkdirTemp("", "testbed-calibrate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store := run.Store{Dir: cmp.Or(out, filepath.Join(dir, "result"))}
	if err := store.Check(); err != nil {
		return usageError{err, "name another folder with --out"}
	}
	find := a.recoverInGuest
	if a.where == "local" {
		find = a.recoverHere
	}
	recoveries, err := find(ctx, dir, store)
	if err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(recoveries)
	} else {
		err = a.printRecoveries(recoveries)
	}
	if err == nil && !found(recoveries) {
		err = statusError(exitFailed)
	}
	return err
}

// onEmbedded opens a session for a lab that the program carries.
func (a *app) onEmbedded(ctx context.Context, dir, name, text string, do func(*session, *run.Lab) error) error {
	path := filepath.Join(dir, name+".hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	lab, err := a.loadToRun(ctx, []string{path})
	if err != nil {
		return err
	}
	s, err := a.open(ctx, lab)
	if err != nil {
		return err
	}
	defer s.close()
	return do(s, lab)
}

func (a *app) recoverHere(ctx context.Context, dir string, store run.Store) (recoveries []report.Recovery, err error) {
	err = a.onEmbedded(ctx, dir, "calibration", examples.Calibration, func(s *session, lab *run.Lab) error {
		s.conductor.Scratch, s.conductor.Refuse = store.Scratch(lab.Name), needsDelay
		outcome, failure := s.conductor.Run(ctx, lab)
		if outcome == nil || failure != nil {
			return failure
		}
		var unknown error
		recoveries, unknown = report.Recover(lab.Lab, outcome.Blocks)
		_, unsaved := store.Save(lab, s.lockPath, outcome)
		return errors.Join(unknown, unsaved)
	})
	return recoveries, err
}

// needsDelay ends a calibration whose kernel cannot delay: what is left of it is host, of
// which nothing is to be found.
func needsDelay(b testbed.Block) error {
	if b.Status != testbed.StatusUnsupported {
		return nil
	}
	return fmt.Errorf("mode %q is unsupported, so no delay can be found: %s", b.Mode, b.Reason)
}

// mayMiss is how many intervals may miss what was injected. A perfect instrument
// misses with one in twenty, so that of six one is outside in 26% of calibrations
// and more than one in 3%.
const mayMiss = 1

func found(all []report.Recovery) bool {
	missed := 0
	for _, r := range all {
		if !r.Known() || blurred(r) {
			return false
		}
		if !r.Inside() {
			missed++
		}
	}
	return missed <= mayMiss && len(all) > 0
}

// blurred says that a median's interval holds 0 too, and so has not found the delay: on a
// rig that is busy enough anything lies inside.
func blurred(r report.Recovery) bool { return r.Metric == "p50" && *r.Found.Lo <= 0 }

func (a *app) printRecoveries(all []report.Recovery) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "injected\tmetric\tfound\t95% interval\t")
	inside := 0
	for _, r := range all {
		if !r.Known() {
			fmt.Fprintf(w, "%v\t%s\t\t%s\tnot known\n", r.Injected, r.Metric, r.Found.Reason)
			continue
		}
		verdict := "outside"
		if r.Inside() {
			verdict = "inside"
			inside++
			if blurred(r) {
				verdict = "inside, as is 0: not found, the rig is too noisy"
			}
		}
		fmt.Fprintf(w, "%v\t%s\t%.1f µs\t%.1f to %.1f µs\t%s\n",
			r.Injected, r.Metric, *r.Found.Estimate/1e3, *r.Found.Lo/1e3, *r.Found.Hi/1e3, verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	verdict := "calibrated"
	if !found(all) {
		verdict = "not calibrated"
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %d of %d delays lie inside the interval, %d have to\n", verdict, inside, len(all), len(all)-mayMiss)
	return err
}
