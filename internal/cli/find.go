package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/provision"
)

// find resolves [LAB/]VM among what runs. The lab may be left out when one
// running lab has a machine of that name. A sealed machine has no way in.
func find(ctx context.Context, backend provision.Backend, name string) (lab, machine string, err error) {
	if closed, is := backend.(interface{ NoWayIn() error }); is {
		return "", "", fmt.Errorf("connect to %q: %w", name, closed.NoWayIn())
	}
	labs, err := backend.Labs(ctx)
	if err != nil {
		return "", "", err
	}
	wantLab, wantMachine, qualified := strings.Cut(name, "/")
	if !qualified {
		wantLab, wantMachine = "", name
	}
	var found, all []string
	sealed := false
	for _, l := range labs {
		for _, m := range l.Machines {
			full := l.Name + "/" + m.Name
			if m.Sealed {
				sealed = sealed || full == name || m.Name == name
				continue
			}
			all = append(all, full)
			if m.Name == wantMachine && (wantLab == "" || l.Name == wantLab) {
				found = append(found, full)
				lab, machine = l.Name, m.Name
			}
		}
	}
	switch {
	case len(found) == 1:
		return lab, machine, nil
	case len(found) > 1 && len(slices.Compact(found)) == 1:
		return "", "", usageError{fmt.Errorf("machine %s runs on two backends", found[0]), "say which: --backend " + strings.Join(backends, " or --backend ") + ", or --connect URI"}
	case len(found) > 1:
		return "", "", usageError{fmt.Errorf("machine %q is in several labs", name), "say which: " + strings.Join(found, ", ")}
	case sealed:
		return "", "", fmt.Errorf("connect to %q: %w", name, provision.ErrSealed)
	case len(all) == 0:
		return "", "", usageError{errors.New("no lab is running"), "testbed up LAB; the machines of machine blocks exist by themselves: ssh USER@HOST"}
	}
	return "", "", usageError{fmt.Errorf("no machine %q is running", name), "running: " + strings.Join(all, ", ")}
}

// named reads what lab an argument means: by its name, or by its file, which
// also says which libvirt it may run on. It may run on another backend than the
// file names, so that is not asked. Both are zero without an argument.
func (a *app) named(ctx context.Context, given []string) (lab string, at place, err error) {
	if len(given) == 0 {
		return "", place{}, nil
	}
	if !strings.HasSuffix(given[0], ".hcl") {
		return given[0], place{}, nil
	}
	file, err := a.load(ctx, given, listingRead)
	if err != nil {
		return "", place{}, err
	}
	return file.Name, place{connects: hypervisors(file.Lab)}, nil
}

// onlyLab is the one that runs; "" where none does.
func onlyLab(ctx context.Context, backend provision.Backend) (string, error) {
	labs, err := backend.Labs(ctx)
	if err != nil {
		return "", err
	}
	names := make([]string, len(labs))
	for i, l := range labs {
		names[i] = l.Name
	}
	switch len(names) {
	case 0:
		return "", nil
	case 1:
		return names[0], nil
	}
	return "", usageError{errors.New("several labs are running"), "say which: " + strings.Join(names, ", ") + "; or --all"}
}
