package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// TestLifeCycle walks a lab through all that a user does with it: up, look
// around, change one machine, up again, test, down.
func TestLifeCycle(t *testing.T) {
	u := newUser(t)
	path := u.lab("small.hcl", "life", "SERVER_MEMORY", "384MiB")

	plan := u.do("plan", path)
	require.Contains(t, plan.stdout, "client")
	require.Contains(t, plan.stdout, "create")

	up := u.do("up", path)
	require.Contains(t, up.stdout, "docker0")
	require.Contains(t, up.stderr, "testbed down life")
	require.True(t, strings.HasPrefix(labOf(t, u, "life").Source, u.dir))
	checkResult(t, filepath.Join(u.dir, "results", "life", "latest"))
	checkWidth(t, up.stdout)
	checkLooked(t, u, filepath.Join(u.dir, "results", "life", "latest"))
	checkRecorded(t, filepath.Join(u.dir, "results", "life", "latest"), "life.hcl", "docker0")

	t.Run("look around", func(t *testing.T) { lookAround(t, u) })
	t.Run("change one machine", func(t *testing.T) { changeOneMachine(t, u) })
	t.Run("test again", func(t *testing.T) {
		u.do("test", path, "--out", filepath.Join(u.dir, "again"))
		checkResult(t, filepath.Join(u.dir, "again"))
		refused := u.try("test", path, "--out", filepath.Join(u.dir, "again"))
		require.Equal(t, 2, refused.status, "a result never overwrites another")
	})

	u.do("down", "life")
	require.Empty(t, remains(t, owner))
	require.Equal(t, 0, u.try("down").status, "a second down has nothing to do")
	refused := u.try("test", path)
	require.Equal(t, 1, refused.status)
	require.Contains(t, refused.stderr, "hint: bring it up first")
}

// checkLooked: the result says why modes differ and what works in them, as two
// kernels on a wire show it, and explain tells the path.
func checkLooked(t *testing.T, u *user, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "result.json"))
	require.NoError(t, err)
	var result testbed.Result
	require.NoError(t, json.Unmarshal(text, &result))
	modes := map[string]testbed.ModeResult{}
	for _, test := range result.Tests {
		for _, m := range test.Modes {
			if test.Name == "udp_rr" {
				modes[m.Name] = m
			}
		}
	}
	docker0, ipvlan, host := modes["docker0"].Evidence, modes["ipvlan_l2"].Evidence, modes["host"].Evidence
	require.NotNil(t, docker0)
	require.NotNil(t, docker0.Calls, "%v %v", docker0.Client.Unavailable, docker0.Server.Unavailable)
	require.InDelta(t, 2, *docker0.Backlog-*host.Backlog, 0.1, "one more backlog each way")
	require.InDelta(t, 0, *ipvlan.Backlog-*host.Backlog, 0.1)
	require.Greater(t, *docker0.Calls, *ipvlan.Calls)
	for mode, want := range map[string]string{"docker0": testbed.Works, "ipvlan_l2": testbed.Fails} {
		require.Len(t, modes[mode].Capabilities, len(testbed.CapabilityNames))
		for _, c := range modes[mode].Capabilities {
			if c.Name == "service_request" || c.Name == "filter" {
				require.Equal(t, want, c.Answer, "%s: %s", mode, c.Observation)
			}
			if c.Name == "multicast" && mode == "ipvlan_l2" {
				require.Equal(t, testbed.Works, c.Answer, c.Observation)
			}
		}
	}
	path := u.do("explain", "docker0", "--test", "udp_rr", "--result", dir).stdout
	require.Contains(t, path, "br_handle_frame")
	require.Contains(t, path, "· eth1 (net_dev_start_xmit)")
	require.Regexp(t, `\+\d+ +nf_conntrack_in +0 → \d`, u.do("explain", "docker0", "host", "--result", dir).stdout)
	wrong := u.try("explain", "docker9", "--result", dir)
	require.Equal(t, 2, wrong.status)
	require.Contains(t, wrong.stderr, `no mode "docker9"`)
}

// labOf is what status says of a lab.
func labOf(t *testing.T, u *user, name string) (found struct {
	Name, Source string
	Machines     []struct{ Name, Domain, SSH string }
}) {
	t.Helper()
	var labs []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(u.do("status", name, "--json").stdout), &labs))
	for _, raw := range labs {
		require.NoError(t, json.Unmarshal(raw, &found))
		if found.Name == name {
			return found
		}
	}
	t.Fatalf("lab %q does not run", name)
	return found
}

// checkResult holds that a stored result is whole and that its modes are there.
func checkResult(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"result.json", "report.html", "report.md", "blocks.jsonl", "life.hcl", "life.lock.hcl", "consoles/client.log", "consoles/server.log"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotZero(t, info.Size(), name)
	}
	r := readResult(t, dir)
	require.Equal(t, "testbed.result/v1", r.Schema)
	require.Len(t, r.Tests, 2)
	for _, test := range r.Tests {
		for _, mode := range test.Modes {
			require.Equal(t, "ok", mode.Status, "%s %s: %s", test.Name, mode.Name, mode.Reason)
			require.NotNil(t, mode.P50.Estimate)
			require.Positive(t, *mode.P50.Estimate)
		}
	}
	require.Len(t, r.Tests[0].Modes, 10)
	require.NotNil(t, r.Tests[0].Modes[1].RatioToHost["p50"].Lo, "six rounds give an interval")
	require.Nil(t, r.Tests[1].Modes[1].RatioToHost["p50"].Lo, "one round gives none")
	require.Equal(t, "confirmed", r.Expectations[0].Verdict)
	require.Contains(t, []string{"kvm", "tcg"}, r.Accelerator)
}

func readResult(t *testing.T, dir string) (r testbed.Result) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "result.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &r))
	return r
}

func checkWidth(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 80, line)
	}
}

func lookAround(t *testing.T, u *user) {
	require.Equal(t, "Linux\n", u.do("exec", "client", "--", "uname", "-s").stdout)
	require.Equal(t, "a  b\n", u.do("exec", "life/server", "--", "echo", "a  b").stdout, "arguments stay as they are")
	require.Equal(t, 7, u.try("exec", "client", "--", "sh", "-c", "exit 7").status)
	require.Contains(t, u.do("console", "client", "--log").stdout, "testbed-guest: ready")
	require.Contains(t, u.do("ls").stdout, "life")

	missing := u.try("exec", "nobody", "--", "true")
	require.Equal(t, 2, missing.status)
	require.Contains(t, missing.stderr, "life/client")

	for _, tool := range []string{"ip -V", "bridge -V", "tc -V", "nft --version", "ethtool --version", "tcpdump --version", "ss -V", "ping -V", "netperf -V", "sockperf --version"} {
		u.do(append([]string{"exec", "client", "--"}, strings.Fields(tool)...)...)
	}
	// What a mode built is gone after its block.
	require.NotContains(t, u.do("exec", "client", "--", "ip", "-o", "link").stdout, "veth")
	require.Empty(t, u.do("exec", "client", "--", "ip", "netns").stdout)
	require.Empty(t, u.do("exec", "client", "--", "nft", "list", "ruleset").stdout)
}

// changeOneMachine holds that a second up re-makes what the file changed and
// lets the rest run on.
func changeOneMachine(t *testing.T, u *user) {
	mark := func(vm string) string {
		return u.do("exec", vm, "--", "cat", "/proc/sys/kernel/random/boot_id").stdout
	}
	client, server := mark("client"), mark("server")
	path := u.lab("small.hcl", "life", "SERVER_MEMORY", "400MiB")
	require.Contains(t, u.do("plan", path).stdout, "replace")
	u.do("up", path)
	require.Equal(t, client, mark("client"), "the client runs on")
	require.NotEqual(t, server, mark("server"), "the server was made anew")
}

// TestTimingsAreRecorded is no timing test of ours: it holds that the parts of a run
// are recorded, so that the figures in the README can be checked.
func TestTimingsAreRecorded(t *testing.T) {
	u := newUser(t)
	path := u.lab("tiny.hcl", "timings", "RELEASE", `release = "trixie"`, "ROUNDS", "1")
	took := u.do("run", path).took
	r := readResult(t, filepath.Join(u.dir, "results", "timings", "latest"))
	for _, part := range []string{"images", "boot", "push", "measure", "total"} {
		require.Positive(t, r.Timings[part], part)
	}
	require.Less(t, r.Timings["boot"], took.Seconds())
	require.LessOrEqual(t, r.Timings["boot"]+r.Timings["measure"], r.Timings["total"]+0.01)
	require.Empty(t, remains(t, owner))
	require.WithinDuration(t, time.Now(), r.Started, time.Hour)
}
