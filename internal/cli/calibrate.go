package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// calibrate runs the lab whose answer is known and says whether it was found: in
// a guest of its own, on this very kernel where the backend is the local one, or in a
// guest whose clock no host disturbs where it is icount.
func (a *app) calibrate(ctx context.Context, out string, asJSON bool) error {
	find, judge := a.recoverInGuest, byInterval
	switch a.where {
	case "local":
		find = a.recoverHere
	case "icount":
		find, judge = a.recoverHere, byShare
		if out != "" {
			return usageError{errors.New("--out: the backend \"icount\" counts instructions, and a delay is none, so there is no result to keep"), "leave --out out, or use another backend"}
		}
	}
	dir, err := os.MkdirTemp("", "testbed-calibrate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store := run.Store{Dir: cmp.Or(out, filepath.Join(dir, "result"))}
	if err := store.Check(); err != nil {
		return usageError{err, "name another folder with --out"}
	}
	recoveries, err := find(ctx, dir, store)
	if err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(recoveries)
	} else {
		err = a.printRecoveries(recoveries, judge)
	}
	if err == nil && !judge.found(recoveries) {
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
	file, diagnostics := hcl.Load(path, hcl.Options{Backend: a.where, Waits: true})
	if err := a.diagnose(diagnostics); err != nil {
		return err
	}
	lab := ready(file)
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
