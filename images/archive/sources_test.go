package archive

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFromApt(t *testing.T) {
	const key = "/usr/share/keyrings/debian-archive-keyring.gpg"
	tests := map[string]struct {
		files map[string]string // Below etc/apt.
		want  string
	}{
		"no configuration": {files: nil, want: ""},
		"deb822, as installed": {
			files: map[string]string{"sources.list.d/debian.sources": "Types: deb\n# a comment\nURIs: http://m.invalid/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: " + key + "\n\n" +
				"Types: deb\nURIs: http://m.invalid/debian-security\nSuites: bookworm-security\nComponents: main\nSigned-By: " + key + "\n"},
			want: "http://m.invalid/debian",
		},
		"one line, security first": {
			files: map[string]string{"sources.list": "deb http://s.invalid/debian-security trixie-security main\n" +
				"# deb http://old.invalid/debian trixie main\ndeb http://m.invalid/debian trixie main contrib # ours\ndeb http://m.invalid/debian trixie-updates main\n"},
			want: "http://m.invalid/debian",
		},
		"third party with Debian's suite and component": {
			files: map[string]string{
				"sources.list.d/a.list":         "deb [arch=amd64 signed-by=/usr/share/keyrings/other.gpg] https://other.invalid bookworm main\n",
				"sources.list.d/debian.sources": "Types: deb\nURIs: http://m.invalid/mirror\nSuites: bookworm\nComponents: main\n",
			},
			want: "http://m.invalid/mirror",
		},
		"third parties alone": {
			files: map[string]string{
				"sources.list.d/a.list": "deb https://a.invalid/linux/debian bookworm stable\ndeb https://b.invalid/apt cloud main\n" +
					"deb [signed-by=/k.gpg] https://c.invalid bookworm main\n",
				"sources.list.d/b.sources": "Types: deb\nURIs: https://u.invalid/ubuntu\nSuites: noble noble-updates\nComponents: main\n",
			},
			want: "",
		},
		"disabled, and sources only": {
			files: map[string]string{"sources.list.d/debian.sources": "Enabled: no\nTypes: deb\nURIs: http://m.invalid/debian\nSuites: sid\nComponents: main\n\n" +
				"Types: deb-src\nURIs: http://n.invalid/debian\nSuites: sid\nComponents: main\n"},
			want: "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := FromApt(aptDir(t, tt.files))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestFromAptMirrorFile(t *testing.T) {
	list := filepath.Join(t.TempDir(), "debian.list")
	require.NoError(t, os.WriteFile(list, []byte("# mirrors\nhttp://first.invalid/debian\tpriority:1\nhttp://second.invalid/debian\n"), 0o644))
	dir := aptDir(t, map[string]string{"sources.list.d/debian.sources": "Types: deb\nURIs: mirror+file://" + list + "\nSuites: trixie\nComponents: main\n"})
	got, err := FromApt(dir)
	require.NoError(t, err)
	require.Equal(t, "http://first.invalid/debian", got)

	require.NoError(t, os.Remove(list))
	_, err = FromApt(dir)
	require.ErrorContains(t, err, list)
}

func TestFromAptBadFile(t *testing.T) {
	dir := aptDir(t, map[string]string{"sources.list.d/bad.sources": "URIs http://m.invalid\n"})
	_, err := FromApt(dir)
	require.ErrorContains(t, err, "bad.sources")
}

func aptDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sources.list.d"), 0o755))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}
