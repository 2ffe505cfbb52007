package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/cavaliergopher/cpio"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
	"github.com/testbed-lab/testbed/internal/payload"
)

// asleepGuests are compared. Without the plugin's care they differed in two of three runs
// of this test.
const asleepGuests = 2

var woken = regexp.MustCompile(`woken \d+ times: [0-9a-f]{16}, the last at \d+ ns`)

// TestASleepingGuestRepeats: a guest whose clock is its instruction count wakes at the
// same instructions each time, twenty thousand times, although it is another thread of
// QEMU's that moves the clock of a guest that sleeps on.
func TestASleepingGuestRepeats(t *testing.T) {
	u := newUser(t)
	u.unpackKernel("trixie", u.dir)
	u.initramfs(filepath.Join(u.dir, "initramfs"), u.build("./testdata/sleeper"))
	plugin, err := payload.Plugin()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(u.dir, "plugin.so"), plugin, 0o755))

	said := make([]string, asleepGuests)
	var guests sync.WaitGroup
	for i := range said {
		guests.Go(func() { said[i] = u.asleep() })
	}
	guests.Wait()
	for i, one := range said {
		require.Regexp(t, woken, one)
		require.Equal(t, woken.FindString(said[0]), woken.FindString(one), "guest %d", i)
	}
}

// asleep runs such a guest to its end and returns its console.
func (u *user) asleep() string {
	cmd := harness.Command(u.t, "qemu-system-x86_64", "-machine", "q35,hpet=off", "-accel", "tcg", "-cpu", "EPYC,-rdrand,-rdseed",
		"-m", "384", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm",
		"-plugin", "file=./plugin.so",
		"-kernel", "bzImage", "-initrd", "initramfs", "-append", "console=ttyS0 quiet nokaslr tsc_early_khz=1000000 tsc=reliable clocksource=tsc "+
			"no_timer_check lpj=4000000 random.trust_cpu=off nowatchdog cryptomgr.notests initcall_blacklist=jent_mod_init panic=-1")
	cmd.Dir = u.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return err.Error() + ": " + string(out)
	}
	return string(out)
}

// build compiles a program that needs nothing of a guest, and returns its path.
func (u *user) build(folder string) string {
	u.t.Helper()
	program := filepath.Join(u.dir, filepath.Base(folder))
	cmd := harness.Command(u.t, "go", "build", "-o", program, folder)
	cmd.Env = append(u.env, "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(u.t, err, "%s", out)
	return program
}

// initramfs holds one program, which is PID 1.
func (u *user) initramfs(path, program string) {
	u.t.Helper()
	text, err := os.ReadFile(program)
	require.NoError(u.t, err)
	file, err := os.Create(path)
	require.NoError(u.t, err)
	w := cpio.NewWriter(file)
	require.NoError(u.t, w.WriteHeader(&cpio.Header{Name: "init", Mode: cpio.TypeReg | 0o755, Size: int64(len(text))}))
	_, err = w.Write(text)
	require.NoError(u.t, err)
	require.NoError(u.t, w.Close())
	require.NoError(u.t, file.Close())
}
