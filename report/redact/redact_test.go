package redact

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedact(t *testing.T) {
	s := Secrets{Hosts: []string{"oslo.lab.example.org"}, Users: []string{"jane", "root"}, Homes: []string{"/home/jane", "/root"}, MACs: []string{"02:fc:00:00:00:01"}}
	s.Reached("bob@left.example.org:2222")
	s.Reached("192.0.2.7")
	r := New(s)
	for in, want := range map[string]string{
		`{"hostname": "oslo", "x": "oslo.lab.example.org"}`:                           `{"hostname": "redacted-host", "x": "redacted-host"}`,
		`ssh = "bob@left.example.org:2222"`:                                           `ssh = "redacted-user@redacted-host:2222"`,
		"to 192.0.2.7 or 192.0.2.71":                                                  "to redacted-host or 192.0.2.71",
		"/home/jane/.cache/testbed/a and /home/other/x":                               "~/.cache/testbed/a and ~/x",
		"/root/.cache and /rootfs and root.cpio of root":                              "~/.cache and /rootfs and root.cpio of root",
		"02:FC:00:00:00:01":                                                           "redacted-mac",
		"janet is no jane":                                                            "janet is no redacted-user",
		"root@oslo":                                                                   "redacted-user@redacted-host",
		"link/ether 3c:7c:3f:00:11:22 brd ff:ff:ff:ff:ff:ff":                          "link/ether redacted-mac brd ff:ff:ff:ff:ff:ff",
		"52:54:00:12:34:56 02:42:0a:4d:00:65 00:00:00:00:00:00":                       "52:54:00:12:34:56 02:42:0a:4d:00:65 00:00:00:00:00:00",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB jane@oslo":                            "redacted-key redacted-user@redacted-host",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----": "redacted-key",
		"fe80::3e7c:3fff:fe00:1122 fe80::5054:ff:feb8:1fd":                            "fe80::redacted fe80::5054:ff:feb8:1fd",
		"2001:db8:1:2:3e7c:3fff:fe00:1122/64 2001:db8::5054:ff:feb8:1fd":              "redacted-address/64 2001:db8::5054:ff:feb8:1fd",
		"2001:db8::7c:ffff:fe00:1 2001:DB8::3E7C:3FFF:FE00:1122":                      "2001:db8::7c:ffff:fe00:1 redacted-address",
		"enx3c7c3f001122":                                                             "enxredacted",
		"/dev/root on / and =/root/x":                                                 "/dev/root on / and =~/x",
		`lab "jane-test" {}`:                                                          `lab "redacted-user-test" {}`,
		`vm "client" on a vm`:                                                         `vm "client" on a vm`,
	} {
		require.Equal(t, want, string(r.Apply("f", []byte(in))))
	}
	require.Contains(t, r.Removed(), "f: key, 2 times")
	require.Contains(t, r.Removed(), "f: MAC address, 6 times")
}

// A host that is called as many things are is taken out of the fact that names it.
func TestCommonHostName(t *testing.T) {
	r := New(Secrets{Hosts: []string{"vm"}})
	require.Equal(t, `vm "client" {} {"hostname": "redacted-host"}`, string(r.Apply("f", []byte(`vm "client" {} {"hostname": "vm"}`))))
}

func TestJSONStaysJSON(t *testing.T) {
	s := Secrets{Hosts: []string{`we"ird`, "oslo"}, Users: []string{"jane"}, Homes: []string{"/home/jane"}}
	text, err := json.Marshal(map[string]any{"a": "/home/jane/x", "oslo": []string{"jane", "3c:7c:3f:00:11:22"}})
	require.NoError(t, err)
	require.True(t, json.Valid(New(s).Apply("f", text)))
}

func TestLocal(t *testing.T) {
	s := Local()
	require.NotEmpty(t, s.Hosts)
	require.NotEmpty(t, s.Homes)
}
