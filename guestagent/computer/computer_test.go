package computer

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestFacts(t *testing.T) {
	facts := Facts(Here())
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(release)), Release(Here()))
	// All are named, and told where the kernel tells.
	for name, file := range map[string]string{
		"cpu_model": "proc/cpuinfo", "cpu_microcode": "proc/cpuinfo", "mitigations": processors + "/vulnerabilities/meltdown",
		"smt": processors + "/smt/control", "governor": processors + "/cpufreq/policy0/scaling_governor",
		"turbo": processors + "/cpufreq/boost", "numa": nodes + "/online", "c_states": processors + "/cpuidle/current_driver",
	} {
		require.NotEmpty(t, facts[name], name)
		if _, err := fs.Stat(Here(), file); err == nil {
			require.NotEqual(t, Untold, facts[name], name)
		}
	}
	_, err = json.Marshal(facts)
	require.NoError(t, err)
}

// All that is read is among the files of that, by which another computer's are fetched.
func TestFilesAreAllThatIsRead(t *testing.T) {
	facts, state := fetched(t, FactFiles), fetched(t, StateFiles)
	require.Equal(t, Facts(Here()), Facts(facts))
	require.Equal(t, Release(Here()), Release(facts))
	here, there := State(Here()), State(state)
	for name := range here {
		require.IsType(t, here[name], there[name], name)
		require.NotEqual(t, Untold, there[name], name)
		require.NotEqual(t, map[string]int64{}, there[name], name)
	}
}

// What one of them does not read, it has nobody fetch.
func TestFilesAreNoMoreThanIsRead(t *testing.T) {
	facts, state := &watched{FS: Here()}, &watched{FS: Here()}
	Facts(facts)
	Release(facts)
	State(state)
	for of, files := range map[*watched][]string{facts: FactFiles, state: StateFiles} {
		for _, pattern := range files {
			require.True(t, slices.ContainsFunc(of.opened, func(name string) bool {
				is, err := path.Match(pattern, name)
				return err == nil && is || !isThere(pattern)
			}), pattern)
		}
	}
}

// watched remembers which files were opened.
type watched struct {
	fs.FS
	opened []string
}

func (w *watched) Open(name string) (fs.File, error) {
	w.opened = append(w.opened, name)
	return w.FS.Open(name)
}

func isThere(pattern string) bool {
	names, _ := fs.Glob(Here(), pattern)
	return len(names) > 0
}

func fetched(t *testing.T, patterns []string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	for _, pattern := range patterns {
		names, err := fs.Glob(Here(), pattern)
		require.NoError(t, err, pattern)
		for _, name := range names {
			if content, err := fs.ReadFile(Here(), name); err == nil {
				files[name] = &fstest.MapFile{Data: content}
			}
		}
	}
	return files
}

func TestUntold(t *testing.T) {
	nowhere := root{fstest.MapFS{}}
	require.Equal(t, Untold, nowhere.read("none"))
	require.Equal(t, Untold, nowhere.all("policy*"))
	require.Empty(t, nowhere.folder("none"))
}

func TestState(t *testing.T) {
	before := State(Here())
	for _, name := range []string{"load", "interrupts", "softirqs", "softnet", "netstat"} {
		require.NotEmpty(t, before[name], name)
	}
	require.Contains(t, before, "steal_ticks")
	_, err := json.Marshal(before)
	require.NoError(t, err)
}

// What a kernel does not tell is no 0.
func TestStateOfAKernelThatTellsNothing(t *testing.T) {
	none := map[string]int64{}
	require.Equal(t, map[string]any{
		"load": Untold, "steal_ticks": Untold, "interrupts": none, "softirqs": none, "softnet": none, "netstat": none,
	}, State(fstest.MapFS{}))
}

// What it counted none of is one.
func TestStateHasWhatIsZero(t *testing.T) {
	state := State(fstest.MapFS{
		"proc/stat":                 {Data: []byte("cpu  1 2 3 4 5 6 0 0 0 0\n")},
		"proc/thread-self/net/snmp": {Data: []byte("Tcp: RetransSegs\nTcp: 0\n")},
	})
	require.EqualValues(t, 0, state["steal_ticks"])
	require.Equal(t, map[string]int64{"Tcp.RetransSegs": 0}, state["netstat"])
}
