package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/testbed"
)

func TestHypervisorsOfALab(t *testing.T) {
	const a, b = "qemu+ssh://a/system", "qemu+ssh://b/system"
	for name, test := range map[string]struct {
		lab      string // The lab's connect.
		backend  string
		machines []string // Their connects.
		want     []string
	}{
		"none named":      {machines: []string{"", ""}},
		"the lab's":       {lab: a, machines: []string{"", ""}, want: []string{a}},
		"all on one":      {machines: []string{a, a}, want: []string{a}},
		"here and there":  {machines: []string{"", b}, want: []string{"", b}},
		"one elsewhere":   {lab: a, machines: []string{"", b}, want: []string{a, b}},
		"one guest":       {lab: a, backend: "icount", machines: []string{"", b}, want: []string{a}},
		"no machine of a": {lab: a, machines: []string{b}, want: []string{b}},
	} {
		t.Run(name, func(t *testing.T) {
			lab := testbed.Lab{Backend: test.backend, Connect: test.lab, Cells: []testbed.Cell{{}, {}}}
			for _, connect := range test.machines {
				lab.Cells[1].Machines = append(lab.Cells[1].Machines, testbed.Machine{Connect: connect})
			}
			require.Equal(t, test.want, hypervisors(lab))
			require.Equal(t, test.want, placeOf(&run.Lab{Lab: lab}).connects)
		})
	}
}

func TestNodeOf(t *testing.T) {
	t.Setenv("SLURMD_NODENAME", "oslo")
	const there, everywhere = "qemu+ssh://me@rack1:22/system", "qemu+ssh://[2001:db8::1]/session"
	for name, c := range map[string]struct {
		at      place
		connect string // The flag.
		want    string
	}{
		"here":              {at: place{backend: "local"}, want: "oslo"},
		"this libvirt":      {at: place{backend: "libvirt", connects: []string{"qemu:///system"}}, want: "oslo"},
		"another computer":  {at: place{backend: "icount", connects: []string{there}}, want: "rack1"},
		"two":               {at: place{backend: "libvirt", connects: []string{there, "", there}}, want: "oslo, rack1"},
		"the flag wins":     {at: place{backend: "libvirt", connects: []string{there, ""}}, connect: everywhere, want: "2001:db8::1"},
		"machines that are": {at: place{backend: "ssh"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, (&app{connect: c.connect}).nodeOf(c.at)) })
	}
}

func TestConnectThatIsNone(t *testing.T) {
	for _, verb := range []string{"ls", "doctor"} {
		got := invoke(t, "", verb, "--connect", "qemu://host/system")
		require.Equal(t, exitUsage, got.status, verb)
		require.Contains(t, got.stderr, `--connect "qemu://host/system": no libvirt that testbed can use`)
		require.Contains(t, got.stderr, `hint: libvirt takes that for TLS, and testbed goes by SSH: write "qemu+ssh://host/system"`)
	}
}
