package libvirt

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
)

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		console string
		ready   bool
		err     string
	}{
		"nothing yet":   {console: ""},
		"still booting": {console: "SeaBIOS (version 1.16)\r\n[    0.1] Linux\r\n"},
		"ready":         {console: "[    0.1] Linux\r\ntestbed-guest: ready\r\n", ready: true},
		"ready among firmware's controls": {
			console: "\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n\x1b[1mtestbed-guest: ready\r\n", ready: true},
		"marker half written":       {console: "testbed-guest: rea"},
		"marker in a longer line":   {console: "echo testbed-guest: ready\n"},
		"init gave up":              {console: "x\ntestbed-guest: failed: no module virtio_net\n", err: "its init gave up: no module virtio_net"},
		"panic":                     {console: "[    2.1] Kernel panic - not syncing: VFS\r\n", err: "its kernel failed: Kernel panic - not syncing: VFS"},
		"bug":                       {console: "[    2.1] BUG: unable to handle page fault\n", err: "BUG: unable to handle page fault"},
		"a panic after it was up":   {console: "testbed-guest: ready\nKernel panic - not syncing\n", ready: true},
		"a warning does not end it": {console: "[    2.1] WARNING: CPU: 0\n[    2.1] Call Trace:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge([]byte(test.console))
			require.Equal(t, test.ready, v.ready)
			if test.err == "" {
				require.NoError(t, v.err)
			} else {
				require.ErrorContains(t, v.err, test.err)
			}
		})
	}
}

func TestBootError(t *testing.T) {
	lines := strings.Repeat("line\n", 30)
	err := &BootError{Machine: "client", Err: errors.New("no answer in 1m0s"), Console: []byte(lines), File: "/state/client.log"}
	require.Contains(t, err.Error(), `boot "client": no answer in 1m0s; the end of its console:`)
	require.Equal(t, provision.ConsoleLines, strings.Count(err.Error(), "  | line"))
	require.Contains(t, err.Error(), "all of it: /state/client.log")
	empty := &BootError{Machine: "client", Err: errors.New("it ended early")}
	require.Contains(t, empty.Error(), "its console shows nothing")
}
