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
		`{"hostname": "oslo", "x": "oslo.lab.example.org"}`:                           `{"hostname": "[host]", "x": "[host]"}`,
		`ssh = "bob@left.example.org:2222"`:                                           `ssh = "[user]@[host]:2222"`,
		"to 192.0.2.7 or 192.0.2.71":                                                  "to [host] or 192.0.2.71",
		"/home/jane/.cache/testbed/a and /home/other/x":                               "~/.cache/testbed/a and ~/x",
		"/root/.cache and /rootfs and root.cpio of root":                              "~/.cache and /rootfs and root.cpio of root",
		"02:FC:00:00:00:01":                                                           "[mac]",
		"janet is no jane":                                                            "janet is no [user]",
		"root@oslo":                                                                   "[user]@[host]",
		"link/ether 3c:7c:3f:00:11:22 brd ff:ff:ff:ff:ff:ff":                          "link/ether [mac] brd ff:ff:ff:ff:ff:ff",
		"52:54:00:12:34:56 02:42:0a:4d:00:65 00:00:00:00:00:00":                       "52:54:00:12:34:56 02:42:0a:4d:00:65 00:00:00:00:00:00",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB jane@oslo":                            "[key] [user]@[host]",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----": "[key]",
		`vm "client" on a vm`:                                                         `vm "client" on a vm`,
	} {
		require.Equal(t, want, string(r.Apply("f", []byte(in))))
	}
	require.Contains(t, r.Removed(), "f: key, 2 times")
	require.Contains(t, r.Removed(), "f: MAC address, 2 times")
}

// A host that is called as many things are is taken out of the fact that names it.
func TestCommonHostName(t *testing.T) {
	r := New(Secrets{Hosts: []string{"vm"}})
	require.Equal(t, `vm "client" {} {"hostname": "[host]"}`, string(r.Apply("f", []byte(`vm "client" {} {"hostname": "vm"}`))))
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
