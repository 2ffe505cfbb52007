package testbed

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseConnect(t *testing.T) {
	for uri, want := range map[string]Hypervisor{
		"qemu:///system":                         {System: true},
		"qemu:///session":                        {},
		"qemu+ssh://host/system":                 {SSH: "host", System: true},
		"qemu+ssh://me@host.example:2222/system": {SSH: "me@host.example:2222", System: true},
		"qemu+ssh://[2001:db8::1]:22/session":    {SSH: "[2001:db8::1]:22"},
		"qemu+ssh://host/system?socket=/run/s":   {SSH: "host", System: true, Socket: "/run/s"},
	} {
		got, err := ParseConnect(uri)
		require.NoError(t, err, uri)
		require.Equal(t, want, got, uri)
	}
	for uri, why := range map[string]string{
		"":                                   `write "qemu:///system"`,
		"xen:///system":                      `write "qemu:///system"`,
		"qemu://host/system":                 `takes that for TLS, and testbed goes by SSH: write "qemu+ssh://host/system"`,
		"qemu+tcp://host/system":             `write "qemu:///system"`,
		"qemu+ssh:///system":                 "the host is one that ssh connects to",
		"qemu+ssh://-oProxyCommand=x/system": "the host is one that ssh connects to",
		"qemu+ssh://me:secret@host/system":   "the host is one that ssh connects to",
		"qemu+ssh://host":                    `"/system" or "/session"`,
		"qemu:///elsewhere":                  `"/system" or "/session"`,
		"qemu+ssh://host/system?keyfile=/k":  `"keyfile", which testbed does not know; how to reach the host belongs into your ssh_config`,
		"qemu:///system?socket=/run/s":       `"socket"`,
		"qemu+ssh://host/system?socket=s":    "one absolute path",
		"qemu+ssh://host/system?x=b":         `which testbed does not know`,
	} {
		_, err := ParseConnect(uri)
		require.ErrorContains(t, err, why, uri)
	}
}
