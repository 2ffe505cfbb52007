package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/bundle"
	"github.com/testbed-lab/testbed/report/cratetest"
)

// storedResult is a folder as a run leaves it, with what says whose machine it was.
func storedResult(t *testing.T) string {
	dir := t.TempDir()
	in := typical().input(t)
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	in.Environment.Host["emulator"] = home + "/bin/qemu"
	in.Environment.Host["connect"] = "qemu+ssh://eve@[2001:db8::7]:2222/system"
	in.Environment.Machines[1].Facts["hostname"] = "bergen"
	in.Environment.Machines[0].Facts["nic"] = "3c:7c:3f:00:11:22"
	in.Blocks[0].KernelLog = []string{"client: eth1 3c:7c:3f:00:11:22 up"}
	r, err := Analyze(in)
	require.NoError(t, err)
	require.NoError(t, Write(dir, r, in.Blocks))
	for name, text := range map[string]string{
		"container-latency.hcl":  "lab \"container-latency\" {\n  connect = \"qemu+ssh://alice@trondheim.example.net/system\"\n}\n",
		PlanFile:                 `{"SSH": "bob@oslo.example.org:22"}`,
		"consoles/client.log":    "oslo login: bob on bergen\n",
		"consoles/server.log":    "alice on trondheim, eve on 2001:db8::7\n",
		"consoles/a 100%: b.log": "\n",
		".unfinished":            "bob",
		"samples/b1.zst":         "bob",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func unpacked(t *testing.T, data []byte) string {
	dir := filepath.Join(t.TempDir(), "bundle")
	_, err := bundle.Read(bytes.NewReader(data), dir)
	require.NoError(t, err)
	return dir
}

// untarred is a bundle as those have it who unpack it by other means.
func untarred(t *testing.T, data []byte) string {
	dir := t.TempDir()
	cmd := exec.Command("tar", "--zstd", "-x", "-C", dir)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

func TestBundle(t *testing.T) {
	stored := storedResult(t)
	var packed, again bytes.Buffer
	removed, err := Bundle(&packed, stored, BundleOptions{Testbed: "1.2"})
	require.NoError(t, err)
	require.Contains(t, removed, "consoles/client.log: host name, 2 times")
	require.Contains(t, removed, "result.json: MAC address, once")
	require.Contains(t, removed, "blocks.jsonl: MAC address, once")
	dir := unpacked(t, packed.Bytes())
	for _, name := range []string{ResultFile, BlocksFile, PageFile, MarkdownFile, PlanFile, "consoles/client.log", "consoles/server.log", "container-latency.hcl"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		for _, secret := range []string{"oslo", "bergen", "3c:7c:3f", "example.org", "alice", "trondheim", "eve@", "2001:db8::7"} {
			require.NotContains(t, string(text), secret, name)
		}
	}
	require.NoFileExists(t, filepath.Join(dir, ".unfinished"))
	samples, err := os.ReadFile(filepath.Join(dir, "samples", "b1.zst"))
	require.NoError(t, err)
	require.Equal(t, "bob", string(samples), "numbers, in which a name stands by chance, stay as they are")

	r, blocks, err := Read(dir)
	require.NoError(t, err)
	redrawn := t.TempDir()
	require.NoError(t, Write(redrawn, r, blocks))
	for _, name := range []string{ResultFile, BlocksFile, PageFile, MarkdownFile} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(redrawn, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "%s, drawn again from a bundle", name)
	}
	_, err = Bundle(&again, dir, BundleOptions{Testbed: "1.2"})
	require.NoError(t, err)
	require.True(t, bytes.Equal(packed.Bytes(), again.Bytes()), "a bundle of a bundle is the bundle")
	cratetest.Require(t, untarred(t, packed.Bytes()))
}

// Images are packed as they are, and stay when what was unpacked is packed again.
func TestBundleWithImages(t *testing.T) {
	stored := storedResult(t)
	kernel := filepath.Join(t.TempDir(), "vmlinuz")
	require.NoError(t, os.WriteFile(kernel, []byte("bob@oslo\xff"), 0o644))
	var packed, again bytes.Buffer
	_, err := Bundle(&packed, stored, BundleOptions{Images: []bundle.File{
		{Path: "images/debian/vmlinuz", From: kernel}, {Path: "images/debian/sources.json", Data: []byte("[]")},
	}})
	require.NoError(t, err)
	dir := unpacked(t, packed.Bytes())
	text, err := os.ReadFile(filepath.Join(dir, "images/debian/vmlinuz"))
	require.NoError(t, err)
	require.Equal(t, "bob@oslo\xff", string(text), "its digest is what pins it")
	crate, err := os.ReadFile(filepath.Join(dir, crateFile))
	require.NoError(t, err)
	require.Contains(t, string(crate), `"name": "Image: debian/vmlinuz"`)
	cratetest.Require(t, untarred(t, packed.Bytes()))

	_, err = Bundle(&again, dir, BundleOptions{Images: []bundle.File{{Path: "images/debian/vmlinuz", Data: []byte("newer")}}})
	require.NoError(t, err)
	dir = unpacked(t, again.Bytes())
	text, err = os.ReadFile(filepath.Join(dir, "images/debian/vmlinuz"))
	require.NoError(t, err)
	require.Equal(t, "newer", string(text))
	require.NoFileExists(t, filepath.Join(dir, "images/debian/sources.json"), "images are replaced as a whole")
}
