package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatModesLackIsSaidOnce: modes that differ by name alone share their reason, below
// the table, and the next test refers to it. A reason of one mode stays in its row.
func TestWhatModesLackIsSaidOnce(t *testing.T) {
	w := typical()
	w.modes = append(w.modes, "netkit_l2")
	w.unsupported = map[string]string{
		"ipvlan_l2": `client: build mode "ipvlan_l2": this kernel has no ipvlan`,
		"ipvlan_l3": `client: build mode "ipvlan_l3": this kernel has no ipvlan`,
		"netkit_l2": `client: build mode "netkit_l2": this kernel has no netkit`,
	}
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, w.result(t), TerminalOptions{}))
	text := b.String()
	require.Contains(t, text, "\nipvlan_l2   unsupported\nipvlan_l3   unsupported\n")
	said := "ipvlan_l2 and ipvlan_l3: unsupported: client: build the mode: this kernel has no\nipvlan\n"
	require.Equal(t, 1, strings.Count(text, said), text)
	require.Equal(t, len(w.tests)-1, strings.Count(text, "\nipvlan_l2 and ipvlan_l3: unsupported as in tcp_rr\n"), text)
	require.Equal(t, len(w.tests), strings.Count(text, `unsupported: client: build mode "netkit_l2": this kernel has no`), text)
}
