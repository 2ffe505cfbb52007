package guestagent

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKernelLine(t *testing.T) {
	for record, want := range map[string]string{
		"6,339,5140900,-;eth1: renamed\n SUBSYSTEM=net\n": "[    5.140900] eth1: renamed",
		"4,1,12,c;a; b\n": "[    0.000012] a; b",
		"nonsense":        "",
	} {
		require.Equal(t, want, kernelLine(record))
	}
}

func TestALogThatCannotBeReadSaysSo(t *testing.T) {
	log := openKernelLog("/nonexistent/kmsg")
	defer log.close()
	log.mark()
	require.Equal(t, []string{"the kernel's log cannot be read: open /nonexistent/kmsg: no such file or directory"}, log.since())
}

// TestKernelLogBeginsAtTheMark writes to the kernel's log, as whoever is root may.
func TestKernelLogBeginsAtTheMark(t *testing.T) {
	say := func(format string, args ...any) {
		// Each opener may write ten lines in five seconds.
		kmsg, err := os.OpenFile(kernelLogPath, os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("this machine lacks a kernel log that tests may write to: %v", err)
		}
		defer kmsg.Close()
		_, err = fmt.Fprintf(kmsg, "<6>testbed kernel log test: "+format+"\n", args...)
		require.NoError(t, err)
	}
	log := openKernelLog(kernelLogPath)
	defer log.close()
	say("before")
	log.mark()
	require.NotContains(t, strings.Join(log.since(), "\n"), "test: before")
	log.mark()
	for i := range kernelLogLines + 5 {
		say("line %d", i)
	}
	lines := log.since()
	require.Len(t, lines, kernelLogLines)
	require.Regexp(t, `^\[ *\d+\.\d{6}\] testbed kernel log test: line \d+$`, lines[0])
	require.Contains(t, strings.Join(lines, "\n"), fmt.Sprintf("line %d", kernelLogLines+4))
	require.NotContains(t, strings.Join(lines, "\n"), "line 0\n")
	log.mark()
	require.NotContains(t, strings.Join(log.since(), "\n"), "test: line", "what was read before the mark is not read again")
}
