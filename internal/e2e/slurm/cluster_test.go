package slurm

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// cluster is a Slurm of two nodes, both this machine.
type cluster struct {
	t       *testing.T
	dir     string
	daemons map[string]*exec.Cmd // By name; the nodes' by the node's.
}

var nodes = []string{"n1", "n2"}

// configuration is of Slurm 22.05 (Debian 12) and 24.11 (Debian 13). DIR, PORT and the
// nodes' ports are put in. A task of a dead node begins again no sooner than its
// credential has expired, which is two minutes unless cred_expire says less.
const configuration = `ClusterName=testbed
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=PORT0
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=DIR/munge.socket,cred_expire=10
StateSaveLocation=DIR/state
SlurmdSpoolDir=DIR/spool-%n
SlurmctldPidFile=DIR/slurmctld.pid
SlurmdPidFile=DIR/slurmd-%n.pid
SlurmctldLogFile=DIR/slurmctld.log
SlurmdLogFile=DIR/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/linear
SlurmdTimeout=10
MessageTimeout=3
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=1,sched_interval=5
MailProg=/bin/true
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=PORT1 CPUs=1
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=PORT2 CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
`

// newCluster starts the daemons and waits for the nodes.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	require.Zero(t, os.Geteuid(), "Slurm's daemons run as root here, and so must this test")
	for command, pkg := range map[string]string{"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client"} {
		harness.Needs(t, command, pkg)
	}
	c := &cluster{t: t, dir: folder(t), daemons: map[string]*exec.Cmd{}}
	// After the daemons have ended, with what they have started and let go.
	t.Cleanup(func() { require.NoError(t, endMarked(func(environment) bool { return true })) })
	c.configure()
	for _, name := range nodes {
		require.NoError(t, os.Mkdir(c.in("spool-"+name), 0o755))
	}
	c.start("munged", "munged", "--foreground", "--key-file="+c.in("munge.key"), "--socket="+c.in("munge.socket"), "--pid-file="+c.in("munged.pid"),
		"--log-file="+c.in("munged.log"), "--seed-file="+c.in("munged.seed"))
	c.await("munged's socket", func() bool { _, err := os.Stat(c.in("munge.socket")); return err == nil })
	c.start("slurmctld", "slurmctld", "-D", "-f", c.in("slurm.conf"))
	for _, name := range nodes {
		c.start(name, "slurmd", "-D", "-N", name, "-f", c.in("slurm.conf"))
	}
	c.await("idle nodes", func() bool { return strings.Count(c.ask("sinfo", "-h", "-N", "-o", "%t"), "idle") == len(nodes) })
	return c
}

// folder is a temporary one that everybody may walk, as munged wants it for its socket.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", folderPrefix)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func (c *cluster) in(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) configure() {
	key := make([]byte, 1024)
	_, err := rand.Read(key)
	require.NoError(c.t, err)
	require.NoError(c.t, os.WriteFile(c.in("munge.key"), key, 0o400))
	require.NoError(c.t, os.Mkdir(c.in("state"), 0o755))
	words := []string{"DIR", c.dir}
	for i := range 3 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(c.t, err)
		defer listener.Close() // When all three are different ones.
		words = append(words, fmt.Sprintf("PORT%d", i), strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	require.NoError(c.t, os.WriteFile(c.in("slurm.conf"), []byte(strings.NewReplacer(words...).Replace(configuration)), 0o644))
	require.NoError(c.t, os.WriteFile(c.in("cgroup.conf"), []byte("CgroupPlugin="+cgroupPlugin(c.t)+"\n"), 0o644))
}

// cgroupPlugin is one that needs nothing of the machine: from 23.11 on there is one that
// does nothing, and before that v1 does nothing until somebody asks it to.
func cgroupPlugin(t *testing.T) string {
	out, err := harness.Command(t, "slurmctld", "-V").Output()
	require.NoError(t, err)
	version := regexp.MustCompile(`(\d+)\.(\d+)`).FindStringSubmatch(string(out))
	require.NotNil(t, version, "%s", out)
	if year, _ := strconv.Atoi(version[1]); year >= 24 || version[0] == "23.11" {
		return "disabled"
	}
	return "cgroup/v1"
}

// start runs a daemon in the foreground, which ends with the test's process.
func (c *cluster) start(name string, args ...string) {
	c.t.Helper()
	cmd := harness.Daemon(c.t, args...)
	cmd.Dir, cmd.Env = c.dir, c.environment()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	output, err := os.Create(c.in(name + ".output.log"))
	require.NoError(c.t, err)
	defer output.Close() // The daemon has its own.
	cmd.Stdout, cmd.Stderr = output, output
	require.NoError(c.t, cmd.Start())
	c.daemons[name] = cmd
}

func (c *cluster) environment() []string {
	return suite.Environment(mark, "SLURM_CONF="+c.in("slurm.conf"), "XDG_STATE_HOME="+c.in("home"))
}

// run runs a program of the cluster's user.
func (c *cluster) run(args ...string) (stdout, stderr string, status int) {
	c.t.Helper()
	cmd := harness.Command(c.t, args...)
	cmd.Dir, cmd.Env = c.dir, c.environment()
	return harness.Run(c.t, cmd)
}

// ask is what one of Slurm's programs says; nothing while it gets no answer.
func (c *cluster) ask(args ...string) string {
	out, _, _ := c.run(args...)
	return out
}

// await looks until something is so. What it waits for is done by other processes, which
// tell nobody.
func (c *cluster) await(what string, is func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(harness.Patience); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited %v in vain for %s\n%s\n%s", harness.Patience, what, c.ask("squeue"), c.logs())
		}
	}
}

// logs are the ends of the daemons' logs.
func (c *cluster) logs() (all string) {
	files, _ := filepath.Glob(c.in("*.log"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		all += fmt.Sprintf("== %s\n%s\n", file, text[max(0, len(text)-2000):])
	}
	return all
}

// requireNothingLeft holds that nothing runs of tasks that have ended, and that what the
// killed one left goes when the program collects it.
func (c *cluster) requireNothingLeft() {
	c.t.Helper()
	c.await("the end of the tasks' processes", func() bool {
		return len(marked(func(e environment) bool { return e.get("SLURM_ARRAY_TASK_ID") != "" })) == 0
	})
	_, said, status := c.run(suite.Program, "gc", "--backend", "local")
	require.Zero(c.t, status, said)
	suite.LocalRemains(c.t)
}
