package bundle

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

var made = time.Date(2026, 11, 22, 12, 0, 0, 5, time.UTC)

func sample(t testing.TB) []File {
	path := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("block "), 100_000), 0o600))
	return []File{{Path: "result.json", Data: []byte("{}")}, {Path: "consoles/client.log", Data: []byte("booted\n")}, {Path: "empty"}, {Path: "blocks.jsonl", From: path}}
}

func packed(t testing.TB, files []File) []byte {
	var b bytes.Buffer
	require.NoError(t, Write(&b, Manifest{Testbed: "1.2", Made: made}, files))
	return b.Bytes()
}

func TestThereAndBack(t *testing.T) {
	files := sample(t)
	data := packed(t, files)
	require.Equal(t, data, packed(t, []File{files[3], files[2], files[0], files[1]}), "the same files make the same bytes")
	dir := filepath.Join(t.TempDir(), "out")
	m, err := Read(bytes.NewReader(data), dir)
	require.NoError(t, err)
	require.Equal(t, "1.2", m.Testbed)
	require.Len(t, m.Files, 4)
	text, err := os.ReadFile(filepath.Join(dir, "consoles", "client.log"))
	require.NoError(t, err)
	require.Equal(t, "booted\n", string(text))
	info, err := os.Stat(filepath.Join(dir, "blocks.jsonl"))
	require.NoError(t, err)
	require.EqualValues(t, 600_000, info.Size())
	_, err = Read(bytes.NewReader(data), dir)
	require.ErrorContains(t, err, "exists", "nothing is written over")
	require.FileExists(t, filepath.Join(dir, "result.json"))
}

func TestWriteRefuses(t *testing.T) {
	for _, path := range []string{"", ".", "/etc/passwd", "../x", "a/../b", "a//b", `a\b`, ManifestFile} {
		require.Error(t, Write(&bytes.Buffer{}, Manifest{}, []File{{Path: path}}), "%q", path)
	}
	require.ErrorContains(t, Write(&bytes.Buffer{}, Manifest{}, []File{{Path: "a"}, {Path: "a"}}), "twice")
	require.ErrorContains(t, Write(&bytes.Buffer{}, Manifest{}, []File{{Path: "a", From: "/nowhere"}}), "no such file")
}

// archive makes one by hand: the manifest's text, then entries.
func archive(t testing.TB, manifest string, headers ...tar.Header) []byte {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	w := tar.NewWriter(z)
	for _, h := range append([]tar.Header{{Name: ManifestFile, Typeflag: tar.TypeReg, Size: int64(len(manifest))}}, headers...) {
		require.NoError(t, w.WriteHeader(&h))
		body := manifest
		if h.Name != ManifestFile {
			body = strings.Repeat("x", int(h.Size))
		}
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte(body))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func manifest(entries ...Entry) string {
	text, _ := json.Marshal(Manifest{Schema: Schema, Files: entries})
	return string(text)
}

const xHash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // Of "x".

func TestBadBundles(t *testing.T) {
	regular := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1} }
	whole := packed(t, sample(t))
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":            {nil, "no bundle"},
		"a text":             {[]byte("hello, world, this is no archive"), "no bundle"},
		"cut short":          {whole[:len(whole)/2], "cut short"},
		"cut at the end":     {whole[:len(whole)-1], ""},
		"a changed byte":     {changed, ""},
		"another schema":     {archive(t, `{"schema":"testbed.bundle/v9","testbed":"9.0"}`), `its schema is "testbed.bundle/v9"`},
		"no manifest":        {archive(t, "{"), "read the manifest"},
		"a path upwards":     {archive(t, manifest(Entry{"../evil", 1, xHash}), regular("../evil")), "no plain path"},
		"an absolute path":   {archive(t, manifest(Entry{"/tmp/evil", 1, xHash}), regular("/tmp/evil")), "no plain path"},
		"another file":       {archive(t, manifest(Entry{"a", 1, xHash}), regular("../evil")), "in its place"},
		"a link":             {archive(t, manifest(Entry{"a", 0, xHash}), tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), "no regular file"},
		"one too many":       {archive(t, manifest(Entry{"a", 1, xHash}), regular("a"), regular("b")), "not in the manifest"},
		"one missing":        {archive(t, manifest(Entry{"a", 1, xHash}, Entry{"b", 1, xHash}), regular("a")), "cut short"},
		"a huge size":        {archive(t, manifest(Entry{"a", 1 << 60, xHash}), regular("a")), "more than"},
		"a negative size":    {archive(t, manifest(Entry{"a", -1, xHash}), regular("a")), "more than"},
		"another size":       {archive(t, manifest(Entry{"a", 2, xHash}), regular("a")), "the manifest says 2"},
		"another hash":       {archive(t, manifest(Entry{"a", 1, strings.Repeat("0", 64)}), regular("a")), "changed or damaged"},
		"a name twice":       {archive(t, manifest(Entry{"a", 1, xHash}, Entry{"a", 1, xHash}), regular("a"), regular("a")), "twice"},
		"a file as a folder": {archive(t, manifest(Entry{"a", 1, xHash}, Entry{"a/b", 1, xHash}), regular("a"), regular("a/b")), "a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			_, err := Read(bytes.NewReader(c.data), filepath.Join(parent, "out"))
			require.ErrorContains(t, err, c.says)
			left, err := os.ReadDir(parent)
			require.NoError(t, err)
			require.Empty(t, left, "nothing is left, and nothing was written outside")
		})
	}
}

// FuzzRead: whatever the bytes, there is a whole bundle or an error and nothing else.
func FuzzRead(f *testing.F) {
	f.Add(packed(f, []File{{Path: "result.json", Data: []byte("{}")}}))
	f.Add(archive(f, manifest(Entry{"a", 1, xHash}), tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1}))
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		m, err := Read(bytes.NewReader(data), filepath.Join(parent, "out"))
		left, readErr := os.ReadDir(parent)
		require.NoError(t, readErr)
		if err != nil {
			require.Empty(t, left)
			return
		}
		require.Len(t, left, 1)
		for _, entry := range m.Files {
			info, err := os.Lstat(filepath.Join(parent, "out", entry.Path))
			require.NoError(t, err)
			require.Equal(t, entry.Bytes, info.Size(), fmt.Sprint(entry))
		}
	})
}
