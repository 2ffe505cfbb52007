package libvirt

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/provision"
)

var update = flag.Bool("update", false, "write the golden files")

// documents are all shapes that this package generates, by golden file.
func documents(t *testing.T) map[string]any {
	t.Helper()
	domain := func(connect, accelerator string, machines ...string) domainXML {
		w := wanted(connect, accelerator, request("latency", machines...))
		d, err := w.domain(w.Machines[0], made(w, "client"))
		require.NoError(t, err)
		return d
	}
	w := wanted(systemURI, "tcg", request("latency", "client", "server"))
	sealed := w.Machines[0]
	sealed.NICs, sealed.Sealed = nil, &provision.Sealed{Seed: "5e1f0a5c-3d1b-5b1e-9c52-7465737462ed", Counter: &provision.Counter{Opens: 0x4a0000, Closes: 0x4a0020}}
	counting := made(w, "client")
	counting.plugin, counting.counts = "/pool/client.plugin.1", "/pool/client.counts."
	guest, err := w.domain(sealed, counting)
	require.NoError(t, err)
	withDisk := w.Machines[0]
	withDisk.Disk = "/cache/packages.erofs"
	making := made(w, "client")
	making.disk = "/pool/client.disk.1"
	disk, err := w.domain(withDisk, making)
	require.NoError(t, err)
	bridged := wanted(systemURI, "kvm", request("latency", "client", "server"))
	bridged.Networks[0].Bridge = "br0"
	plugged, err := bridged.domain(bridged.Machines[0], made(bridged, "client"))
	require.NoError(t, err)
	return map[string]any{
		"domain-bridge":        plugged,
		"domain-system-kvm":    domain(systemURI, "kvm", "client", "server"),
		"domain-system-tcg":    domain(systemURI, "tcg", "client", "server"),
		"domain-session-pair":  domain(sessionURI, "tcg", "client", "server"),
		"domain-session-group": domain(sessionURI, "tcg", "client", "server", "third"),
		"domain-disk":          disk,
		"domain-sealed":        guest,
		"network":              networkDocument("testbed-latency-lan", bridgeName(labID, "lan"), 9000, made(w, "lan").mark),
		"pool":                 poolXML{Type: "dir", Name: w.names.pool(labID), Path: "/var/lib/libvirt/images/testbed-" + labID},
		"volume":               volumeDocument("client.initrd.0123456789abcdef", ownerOnly, 12345),
	}
}

func TestDocuments(t *testing.T) {
	for name, document := range documents(t) {
		t.Run(name, func(t *testing.T) {
			text, err := encode(document)
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".xml")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(text), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), text, "run with -update if that is meant")
		})
	}
}

// libvirt's own schema knows better than a golden file what libvirt takes.
func TestDocumentsAgainstSchema(t *testing.T) {
	tool, err := exec.LookPath("virt-xml-validate")
	require.NoError(t, err, "virt-xml-validate is in the package libvirt-clients, which scripts/setup installs")
	for name := range documents(t) {
		t.Run(name, func(t *testing.T) {
			kind := map[string]string{"pool": "storagepool", "volume": "storagevol"}[name]
			if kind == "" {
				kind, _, _ = strings.Cut(name, "-")
			}
			out, err := exec.Command(tool, filepath.Join("testdata", name+".xml"), kind).CombinedOutput()
			require.NoError(t, err, string(out))
		})
	}
}

func TestMarkIsReadBack(t *testing.T) {
	w := wanted(systemURI, "kvm", request("latency", "client"))
	m := made(w, "client")
	m.mark.Sealed = true
	m.mark.Source = `/home/a "b" & <c>/lab.hcl`
	d, err := w.domain(w.Machines[0], m)
	require.NoError(t, err)
	text, err := encode(d)
	require.NoError(t, err)
	seen, got, ours, err := parseMark(text)
	require.NoError(t, err)
	require.True(t, ours)
	require.Equal(t, m.mark, got)
	require.Equal(t, "testbed-latency-client", seen.Name)
	require.Equal(t, m.initrd, seen.OS.Initrd)
}

func TestMarkOfOthers(t *testing.T) {
	for _, text := range []string{
		"<domain><name>x</name></domain>",
		"<domain><metadata><lab xmlns='urn:other'  id='1'/></metadata></domain>",
		"<domain><metadata><lab xmlns='urn:testbed:lab:1' id=''/></metadata></domain>",
	} {
		_, _, ours, err := parseMark(text)
		require.NoError(t, err)
		require.False(t, ours, text)
	}
	_, _, _, err := parseMark("<domain>")
	require.ErrorContains(t, err, "decode XML")
}

func TestStateIsReadBack(t *testing.T) {
	state, err := encode(stateXML{Ready: true})
	require.NoError(t, err)
	seen, _, _, err := parseMark("<domain><metadata>" + state + "</metadata></domain>")
	require.NoError(t, err)
	require.True(t, seen.Metadata.State.Ready)
	require.False(t, seen.Metadata.State.Kept)
}
