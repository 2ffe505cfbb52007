package deb

import (
	"archive/tar"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestCompareVersions(t *testing.T) {
	// Each is newer than the one before it (deb-version(7)).
	ordered := []string{
		"~~", "~~a", "~", "", "0.9", "1.0~rc1-1", "1.0~rc1-2", "1.0-1~bpo12+1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0-10",
		"1.0a-1", "1.0+git1-1", "1.0.1-1", "1.2-1", "1.10-1", "6.12.94-1", "6.12.107-1", "7.3.4-1~bpo13+1", "7.3.4-1", "1:0.1-1", "2:0-1",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			got := CompareVersions(a, b)
			switch {
			case i < j:
				require.Negative(t, got, "%q and %q", a, b)
			case i > j:
				require.Positive(t, got, "%q and %q", a, b)
			default:
				require.Zero(t, got, "%q", a)
			}
		}
	}
	require.Zero(t, CompareVersions("0:1.0", "1.0"))
	require.Zero(t, CompareVersions("1.01", "1.1"))
}

func TestMerge(t *testing.T) {
	for name, want := range map[string]string{
		"./bin/ip": "usr/bin/ip", "./usr/bin/ip": "usr/bin/ip", "lib64/ld.so": "usr/lib64/ld.so", "/sbin/tc": "usr/sbin/tc",
		"./boot/vmlinuz": "boot/vmlinuz", "../../etc/passwd": "etc/passwd", "./libexec/x": "libexec/x", "./": "",
	} {
		require.Equal(t, want, Merge(name), name)
	}
}

func TestDependencies(t *testing.T) {
	got := Dependencies("libc6 (>= 2.38), debconf (>= 0.5) | debconf-2.0, python3:any, libx (= 1.0-1), ,")
	want := [][]Dependency{
		{{Name: "libc6"}}, {{Name: "debconf"}, {Name: "debconf-2.0"}}, {{Name: "python3"}}, {{Name: "libx", Version: "1.0-1"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	require.Empty(t, Dependencies(""))
}

func TestStanzas(t *testing.T) {
	text := "# comment\nPackage: a\nDescription: short\n long\n .\n more\n\n\nPackage: b\r\nVersion: 1:2 \n"
	var got []Stanza
	require.NoError(t, Stanzas(strings.NewReader(text), func(s Stanza) error { got = append(got, s); return nil }))
	want := []Stanza{{"Package": "a", "Description": "short\nlong\n.\nmore"}, {"Package": "b", "Version": "1:2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{"no field": "just words\n", "continuation first": " text\n", "too long": "A: " + strings.Repeat("x", maxLine+1)} {
		err := Stanzas(strings.NewReader(bad), func(Stanza) error { return nil })
		require.Error(t, err, name)
	}
	stop := errors.New("stop")
	require.ErrorIs(t, Stanzas(strings.NewReader(text), func(Stanza) error { return stop }), stop)
	_, err := First(strings.NewReader("\n# nothing\n"))
	require.ErrorContains(t, err, "empty control file")
}

func TestWalkErrors(t *testing.T) {
	header := func(name, size string) string { return pad(name, 16) + pad("0", 32) + pad(size, 10) + "`\n" }
	for name, tt := range map[string]struct{ deb, want string }{
		"empty":         {"", "not a Debian package"},
		"no ar":         {strings.Repeat("x", 100), "not a Debian package"},
		"no data":       {arMagic + header("debian-binary", "4") + "2.0\n", `no member "data.tar"`},
		"bad size":      {arMagic + header("debian-binary", "-4"), "bad ar header"},
		"cut off":       {arMagic + header("debian-binary", "400") + "2.0\n", "skip member"},
		"bad xz":        {arMagic + header("data.tar.xz", "4") + "junk", "decompress"},
		"bad tar":       {arMagic + header("data.tar", "600") + strings.Repeat("x", 600), `read "data.tar"`},
		"cut in header": {arMagic + "short", "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Walk(strings.NewReader(tt.deb), func(*tar.Header, io.Reader) error { return nil })
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

func TestSource(t *testing.T) {
	for text, want := range map[string][2]string{
		"Package: libc6\nVersion: 2.41-12\nSource: glibc\n":                                       {"glibc", "2.41-12"},
		"Package: linux-image-6.12\nVersion: 6.12.48-1\nSource: linux-signed-amd64 (6.12.48+1)\n": {"linux-signed-amd64", "6.12.48+1"},
		"Package: ethtool\nVersion: 1:6.14-1\n":                                                   {"ethtool", "1:6.14-1"},
	} {
		stanza, err := First(strings.NewReader(text))
		require.NoError(t, err)
		name, version := stanza.Source()
		require.Equal(t, want, [2]string{name, version})
	}
}

func TestControlErrors(t *testing.T) {
	_, err := Control(strings.NewReader("no package"))
	require.ErrorContains(t, err, "not a Debian package")
	_, err = Control(strings.NewReader("!<arch>\n"))
	require.ErrorContains(t, err, `no member "control.tar"`)
}
