package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func contents(t testing.TB, dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}

func TestRedrawnReportIsTheSameToTheByte(t *testing.T) {
	r, blocks := judged(t)
	r.Environment.Host["nodes"] = int64(9007199254740993) // More than a float holds.
	r.Environment.Host["nested"] = map[string]any{"a": []any{1, "x", map[string]any{"y": 1.5}}, "b": true}
	first, second := t.TempDir(), t.TempDir()
	require.NoError(t, Write(first, r, blocks))
	read, readBlocks, err := Read(first)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(blocks, readBlocks))
	require.NoError(t, Write(second, read, readBlocks))
	files := contents(t, first)
	assert.Len(t, files, 4, "no temporary file is left")
	for name, data := range contents(t, second) {
		assert.Equal(t, files[name], data, name)
	}
	assert.Contains(t, files[ResultFile], "9007199254740993")
	assert.Contains(t, files[PageFile], "9007199254740993")
	assert.Equal(t, drawn(t, r, TerminalOptions{}), drawn(t, read, TerminalOptions{}))
}

func TestWriteLeavesWhatItCannotReplace(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ResultFile), []byte("old"), 0o644))
	r := typical().result(t)
	r.Timings["boot"] = math.NaN()
	assert.ErrorContains(t, Write(dir, r, nil), "write report: encode result")
	assert.Equal(t, map[string]string{ResultFile: "old"}, contents(t, dir))
	assert.ErrorContains(t, Write(filepath.Join(dir, "gone"), typical().result(t), nil), "no such file")
}

func TestReadRefuses(t *testing.T) {
	r, blocks := judged(t)
	cases := map[string]struct {
		file   string
		change func(string) string
		want   string
	}{
		"a newer schema":  {ResultFile, func(s string) string { return strings.Replace(s, "result/v1", "result/v9", 1) }, `its schema is "testbed.result/v9"; this version reads "testbed.result/v1"`},
		"half a result":   {ResultFile, func(s string) string { return s[:len(s)/2] }, "unexpected EOF"},
		"no result":       {ResultFile, nil, "read result"},
		"no blocks":       {BlocksFile, nil, "read blocks"},
		"half a block":    {BlocksFile, func(s string) string { return s[:len(s)-30] }, "unexpected EOF"},
		"a block of text": {BlocksFile, func(s string) string { return "hello\n" + s }, "block 1: invalid character"},
	}
	for name, c := range cases {
		dir := t.TempDir()
		require.NoError(t, Write(dir, r, blocks))
		path := filepath.Join(dir, c.file)
		if c.change == nil {
			require.NoError(t, os.Remove(path))
		} else {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(c.change(string(data))), 0o644))
		}
		_, _, err := Read(dir)
		assert.ErrorContains(t, err, c.want, name)
		_, err = ReadResult(dir)
		if c.file == ResultFile {
			assert.ErrorContains(t, err, c.want, name)
		} else {
			assert.NoError(t, err, name)
		}
	}
}

func TestWriteKeepsVoidedBlocks(t *testing.T) {
	blocks := []testbed.Block{{Test: "tcp_rr", Mode: "host", Status: testbed.StatusOK, Void: "steal", Cell: map[string]string{}}}
	dir := t.TempDir()
	require.NoError(t, Write(dir, typical().result(t), blocks))
	_, read, err := Read(dir)
	require.NoError(t, err)
	assert.Equal(t, blocks, read)
}
