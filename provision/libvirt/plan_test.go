package libvirt

import (
	"context"
	"errors"
	"fmt"
	"testing"

	golibvirt "github.com/digitalocean/go-libvirt"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
	"github.com/testbed-lab/testbed/testbed"
)

// running is what libvirt would show of a lab that is up as requested.
func running(t *testing.T, w wantedLab) seen {
	t.Helper()
	var s seen
	for _, m := range w.Machines {
		digest, err := w.machineDigest(m)
		require.NoError(t, err)
		mk := w.mark(m.Name)
		mk.Digest, mk.Image = digest, m.ImageDigest
		s.domains = append(s.domains, seenDomain{mark: mk, state: golibvirt.DomainRunning, ready: true, kept: true})
	}
	for _, n := range w.Networks {
		mk := w.mark(n.Name)
		mk.Digest = w.networkDigest(n)
		s.networks = append(s.networks, seenNetwork{mark: mk, active: true})
	}
	s.pools = []seenPool{{lab: w.id, active: true}}
	return s
}

func plannedJob(t *testing.T, w wantedLab, s seen) *job {
	t.Helper()
	b := &Backend{names: w.names, dialer: &dialer{endpoint: newEndpoint(systemURI, "/nowhere")}, state: stateStore{folder: t.TempDir()}}
	kept, err := keptState{ID: w.id, Key: "key"}.complete(w.Lab)
	require.NoError(t, err)
	require.NoError(t, b.state.save(kept))
	return &job{b: b, want: w, kept: kept, seen: s}
}

// listed is a plan in a line a step that does not keep.
func listed(steps []provision.Step) []string {
	lines := []string{}
	for _, s := range steps {
		if s.Action == provision.Keep {
			continue
		}
		line := fmt.Sprintf("%d %s %s", s.Stage, s.Action, s.Name)
		if s.Why != "" {
			line += ": " + s.Why
		}
		lines = append(lines, line)
	}
	return lines
}

func TestPlan(t *testing.T) {
	const check = "5 check check network lan"
	for name, test := range map[string]struct {
		machines []string // Wanted; client and server run.
		want     func(*wantedLab)
		seen     func(*seen)
		steps    []string
	}{
		"nothing runs": {seen: func(s *seen) { *s = seen{} }, steps: []string{
			"1 create prepare storage", "2 create network lan", "3 create upload client", "4 create boot client",
			"3 create upload server", "4 create boot server", check,
		}},
		"nothing changed": {steps: []string{check}},
		"a bridge that exists": {want: func(w *wantedLab) { w.Networks[0].Bridge = "br0" }, steps: []string{
			"1 remove remove network lan: the lab has no such network",
			"3 replace upload client: its definition changed", "4 replace boot client: its definition changed",
			"3 replace upload server: its definition changed", "4 replace boot server: its definition changed", check,
		}},
		"memory": {want: func(w *wantedLab) { w.Machines[0].Memory *= 2 }, steps: []string{
			"3 replace upload client: its definition changed", "4 replace boot client: its definition changed", check,
		}},
		"image": {want: func(w *wantedLab) { w.Machines[1].ImageDigest = "sha256:bbbb" }, steps: []string{
			"3 replace upload server: its image changed", "4 replace boot server: its image changed", check,
		}},
		"mtu": {want: func(w *wantedLab) { w.Networks[0].MTU = 9000 }, steps: []string{
			"2 replace network lan: it changed",
			"3 replace upload client: its definition changed", "4 replace boot client: its definition changed",
			"3 replace upload server: its definition changed", "4 replace boot server: its definition changed", check,
		}},
		"network lost": {seen: func(s *seen) { s.networks = nil }, steps: []string{
			"2 create network lan",
			"3 replace upload client: its network is made anew", "4 replace boot client: its network is made anew",
			"3 replace upload server: its network is made anew", "4 replace boot server: its network is made anew", check,
		}},
		"shut off": {seen: func(s *seen) { s.domains[1].state = golibvirt.DomainShutoff }, steps: []string{
			"3 replace upload server: it is shut off", "4 replace boot server: it is shut off", check,
		}},
		"rebooted host": {seen: func(s *seen) {
			s.networks, s.pools[0].active, s.domains = nil, false, s.domains[:1]
			s.domains[0].state = golibvirt.DomainShutoff
		}, steps: []string{
			"1 create prepare storage", "2 create network lan",
			"3 replace upload client: it is shut off", "4 replace boot client: it is shut off",
			"3 create upload server", "4 create boot server", check,
		}},
		"half booted": {seen: func(s *seen) { s.domains[0].ready = false }, steps: []string{
			"3 replace upload client: it never answered", "4 replace boot client: it never answered", check,
		}},
		"one less": {machines: []string{"client"}, steps: []string{
			"0 remove remove server: the lab has no such machine", "5 replace tell client its neighbours' names: other machines changed",
		}},
		"one more": {machines: []string{"client", "server", "third"}, steps: []string{
			"3 create upload third", "4 create boot third",
			"5 replace tell client its neighbours' names: other machines changed",
			"5 replace tell server its neighbours' names: other machines changed", check,
		}},
		"one more elsewhere": {want: func(w *wantedLab) { w.ElsewhereChanged = true }, steps: []string{
			"5 replace tell client its neighbours' names: other machines changed",
			"5 replace tell server its neighbours' names: other machines changed", check,
		}},
		"network renamed": {want: func(w *wantedLab) {
			w.Networks = []testbed.Network{{Name: "wan", MTU: 1500}}
			for i := range w.Machines {
				w.Machines[i].NICs = []testbed.NIC{w.Machines[i].NICs[0]}
				w.Machines[i].NICs[0].Network = "wan"
			}
		}, steps: []string{
			"1 remove remove network lan: the lab has no such network", "2 create network wan",
			"3 replace upload client: its definition changed", "4 replace boot client: its definition changed",
			"3 replace upload server: its definition changed", "4 replace boot server: its definition changed",
			"5 check check network wan",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			there := running(t, wanted(systemURI, "tcg", request("latency", "client", "server")))
			if test.seen != nil {
				test.seen(&there)
			}
			if test.machines == nil {
				test.machines = []string{"client", "server"}
			}
			w := wanted(systemURI, "tcg", request("latency", test.machines...))
			if test.want != nil {
				test.want(&w)
			}
			steps, err := plannedJob(t, w, there).steps()
			require.NoError(t, err)
			require.Equal(t, test.steps, listed(steps))
			for _, s := range steps {
				require.Equal(t, s.Action == provision.Keep, s.Do == nil, s.Name)
			}
		})
	}
}

func TestFinallyRunsOnceAfterTheLast(t *testing.T) {
	fail, finished := true, 0
	step := func(do func(context.Context) error) provision.Step { return provision.Step{Do: do} }
	steps := provision.Finally([]provision.Step{
		step(func(context.Context) error { return nil }),
		{},
		step(func(context.Context) error {
			if fail {
				return errors.New("not yet")
			}
			return nil
		}),
	}, func(context.Context) error { finished++; return nil })
	ctx := t.Context()
	require.NoError(t, steps[0].Do(ctx))
	require.NoError(t, steps[0].Do(ctx))
	require.Error(t, steps[2].Do(ctx))
	require.Zero(t, finished)
	fail = false
	require.NoError(t, steps[2].Do(ctx))
	require.Equal(t, 1, finished)
	require.Nil(t, steps[1].Do)
}

func TestSort(t *testing.T) {
	alive, dead := hold.This(), hold.Process{PID: 1 << 30, Start: 1, Boot: hold.This().Boot}
	const other = "00000000-0000-4000-8000-000000000000"
	machine := func(lab, id string, state golibvirt.DomainState, kept bool, by hold.Process) seenDomain {
		return seenDomain{mark: mark{Lab: id, Name: lab, Thing: "client", Builder: by}, state: state, kept: kept}
	}
	on, off := golibvirt.DomainRunning, golibvirt.DomainShutoff
	for name, test := range map[string]struct {
		domain seenDomain
		busy   census
		dead   bool
	}{
		"kept":                        {machine("a", labID, on, true, dead), census{}, false},
		"its maker lives":             {machine("a", labID, on, false, alive), census{}, false},
		"its maker died":              {machine("a", labID, on, false, dead), census{}, true},
		"kept but shut off":           {machine("a", labID, off, true, dead), census{}, true},
		"shut off, its maker lives":   {machine("a", labID, off, false, alive), census{}, false},
		"a process works on its lab":  {machine("a", labID, off, false, dead), census{names: map[string]bool{"a": true}}, false},
		"a process works on another":  {machine("a", labID, on, false, dead), census{names: map[string]bool{"b": true}}, true},
		"made before the last reboot": {machine("a", labID, on, false, hold.Process{PID: alive.PID, Start: alive.Start, Boot: "older"}), census{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			all := seen{
				domains:  []seenDomain{test.domain},
				networks: []seenNetwork{{mark: mark{Lab: labID, Name: "a", Builder: dead}}, {mark: mark{Lab: other, Name: "o", Builder: dead}}},
				pools:    []seenPool{{lab: labID}, {lab: other}},
			}
			garbage, live := all.sort(test.busy)
			require.Equal(t, !test.dead, live.names["a"])
			if test.dead {
				require.Len(t, garbage.domains, 1)
				require.Len(t, garbage.networks, 2)
				require.Len(t, garbage.pools, 2)
				return
			}
			require.Empty(t, garbage.domains)
			require.Equal(t, other, garbage.networks[0].Lab)
			require.Equal(t, []seenPool{{lab: other}}, garbage.pools)
		})
	}
}
