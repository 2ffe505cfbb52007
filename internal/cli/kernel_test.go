package cli

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/doctor"
)

// cloudConfig writes the configuration of one of Debian's kernels, changed, into the
// current folder.
func cloudConfig(t *testing.T, change *strings.Replacer) {
	t.Helper()
	file, err := os.Open(cloudConfigPath)
	require.NoError(t, err)
	defer file.Close()
	plain, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(".config", []byte(change.Replace(string(text))), 0o644))
}

var cloudConfigPath, allModes = absolutePath("../needs/testdata/config-6.12.117+deb13-cloud-amd64.gz"), absolutePath("../../examples/all-modes.hcl")

func absolutePath(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return absolute
}

func TestDoctorOfAConfig(t *testing.T) {
	folder(t)
	for _, config := range []string{cloudConfigPath, ".config"} { // Zipped, as in /proc, and plain.
		cloudConfig(t, strings.NewReplacer())
		got := invoke(t, "", "doctor", "--config", config, allModes)
		require.Equal(t, exitDone, got.status, got.stdout)
		require.Contains(t, got.stdout, "ok       mode ipvlan-l3s: CONFIG_IPVLAN=m, CONFIG_IPVLAN_L3S=y\n")
		require.Contains(t, got.stdout, "ok       kernel version: 6.12.117, and mode netkit_unscrubbed needs the most: 6.12 (netkit scrub)\n")
	}

	cloudConfig(t, strings.NewReplacer("\nCONFIG_IPVLAN=m\n", "\n# CONFIG_IPVLAN is not set\n", " 6.12.117 ", " 6.1.170 "))
	got := invoke(t, "", "doctor", "--config", ".config", "--json", allModes)
	require.Equal(t, exitFailed, got.status)
	var findings []doctor.Finding
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &findings))
	for _, f := range findings {
		switch {
		case strings.HasPrefix(f.Name, "mode ipvlan"):
			require.Equal(t, doctor.Missing, f.Level, f.Name)
			require.Contains(t, f.Detail, "CONFIG_IPVLAN is not set")
			require.Equal(t, "scripts/config --file .config -e IPVLAN && make olddefconfig", f.Remedy)
		case f.Name == "kernel version":
			require.Equal(t, doctor.Missing, f.Level)
			require.Contains(t, f.Detail, "6.1.170, and mode netkit-l2 needs 6.7 (netkit)")
		default:
			require.Equal(t, doctor.OK, f.Level, f.Name)
		}
	}
}

func TestKernelConfig(t *testing.T) {
	folder(t)
	require.Equal(t, exitDone, invoke(t, "", "init").status)
	table := invoke(t, "", "kernel", "config")
	require.Equal(t, exitDone, table.status, table.stderr)
	require.Regexp(t, `(?m)^mode ipvlan +ipvlan +CONFIG_IPVLAN +ipvlan +3\.19$`, table.stdout)

	fragment := invoke(t, "", "kernel", "config", "--fragment")
	require.Equal(t, exitDone, fragment.status)
	require.Contains(t, fragment.stdout, "\nCONFIG_NET_NS=y\n")
	require.Contains(t, fragment.stdout, "\n# mode ipvlan\nCONFIG_IPVLAN=y\n")

	// The fragment satisfies the doctor, but does not say of which kernel it is.
	require.NoError(t, os.WriteFile("lab.config", []byte(fragment.stdout), 0o644))
	got := invoke(t, "", "doctor", "--config", "lab.config")
	require.Equal(t, exitDone, got.status, got.stdout)
	require.NotContains(t, got.stdout, "missing ")
	require.Contains(t, got.stdout, "warn     kernel version")
}

func TestKernelConfigMistakes(t *testing.T) {
	folder(t)
	require.Equal(t, exitDone, invoke(t, "", "init").status)
	require.NoError(t, os.WriteFile("notes", []byte("a note\n"), 0o644))
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"kernel", "config", "missing.hcl"}, []string{"missing.hcl"}},
		{[]string{"kernel", "config", "a", "b"}, []string{"usage: testbed kernel config [LAB]"}},
		{[]string{"doctor", "--config", "nowhere"}, []string{"read a kernel's configuration", "nowhere"}},
		{[]string{"doctor", "--config", "notes"}, []string{`notes: line 1 is no option of a kernel's configuration: "a note"`}},
		{[]string{"doctor", "lab.hcl"}, []string{"with --config alone", "testbed doctor --config FILE lab.hcl"}},
	} {
		got := invoke(t, "", c.args...)
		require.Equal(t, exitUsage, got.status, got.stderr)
		require.Empty(t, got.stdout)
		for _, text := range c.says {
			require.Contains(t, got.stderr, text)
		}
	}
}
