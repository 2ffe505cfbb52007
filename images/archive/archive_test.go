package archive_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/internal/progress"
)

// served is an archive with one suite and one package, and a client of it.
func served(t *testing.T, change func(*archivetest.Suite)) (*archivetest.Archive, *archive.Archive) {
	t.Helper()
	server := archivetest.New(t)
	suite := archivetest.Suite{
		Name: "trixie", Alias: "stable", ByHash: true,
		Packages: []archivetest.Package{
			{Name: "tool", Version: "1.0-1", Depends: "libtool (= 1.0-1)", Files: map[string]string{"usr/bin/tool": strings.Repeat("tool", 1000)}},
			{Name: "tool", Version: "1.0~rc1-1", Files: map[string]string{"usr/bin/tool": "old"}},
		},
	}
	if change != nil {
		change(&suite)
	}
	server.Add(suite)
	client := archive.Open(server.URL+"/", t.TempDir(), server.Keys, nil)
	client.Hurry()
	return server, client
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestIndexAndFetch(t *testing.T) {
	server, client := served(t, nil)
	index, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)
	require.Empty(t, index.Expired)
	newest, ok := index.Newest("tool")
	require.True(t, ok)
	require.Equal(t, "1.0-1", newest.Version)
	_, ok = index.Exactly("tool", "2.0")
	require.False(t, ok)
	require.Contains(t, strings.Join(server.Asked(), " "), "by-hash/SHA256/")

	file, err := client.Fetch(deadline(t), newest)
	require.NoError(t, err)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, server.Content(newest.Path), content)
	server.Asked()

	again, err := client.Fetch(deadline(t), newest)
	require.NoError(t, err)
	require.Equal(t, file, again)
	require.Empty(t, server.Asked(), "a cached package needs no request")
}

func TestIndexByAlias(t *testing.T) {
	server, client := served(t, nil)
	copyIndex := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(server.Content("dists/trixie/InRelease"))
	}
	server.Spoil("dists/stable/InRelease", copyIndex)
	server.Spoil("dists/stable/main/binary-amd64/Packages.xz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(server.Content("dists/trixie/main/binary-amd64/Packages.xz"))
	})
	_, err := client.Index(deadline(t), "stable", false)
	require.NoError(t, err)
}

func TestIndexRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*archivetest.Suite)
		spoil  func(*archivetest.Archive)
		suite  string
		want   string
	}{
		"foreign key": {
			change: func(s *archivetest.Suite) { s.SignedBy = archivetest.NewKey(t) },
			want:   "signature does not verify",
		},
		"changed text": {
			spoil: func(a *archivetest.Archive) {
				a.Spoil("dists/trixie/InRelease", func(w http.ResponseWriter, _ *http.Request) {
					text := a.Content("dists/trixie/InRelease")
					_, _ = w.Write(bytes.Replace(text, []byte("Suite: stable"), []byte("Suite: stabled"), 1))
				})
			},
			want: "signature does not verify",
		},
		"no signature": {
			spoil: func(a *archivetest.Archive) {
				a.Spoil("dists/trixie/InRelease", func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write([]byte("Suite: stable\nCodename: trixie\n"))
				})
			},
			want: "no OpenPGP signature",
		},
		"another suite's index": {
			spoil: func(a *archivetest.Archive) {
				a.Spoil("dists/sid/InRelease", func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write(a.Content("dists/trixie/InRelease"))
				})
			},
			suite: "sid",
			want:  `it is of suite "stable" (trixie), not "sid"`,
		},
		"no such suite":   {suite: "trixy", want: `has no suite "trixy"`},
		"no suite's name": {suite: "../trixie", want: "is no name of a Debian suite"},
		"expired": {
			change: func(s *archivetest.Suite) { s.ValidUntil = time.Now().Add(-time.Hour) },
			want:   "allow_expired = true",
		},
		"wrong package list": {
			spoil: func(a *archivetest.Archive) {
				a.Spoil(a.Find("by-hash"), func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write([]byte("something else"))
				})
			},
			want: "the file is not what the archive's signed index says",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server, client := served(t, tt.change)
			if tt.spoil != nil {
				tt.spoil(server)
			}
			if tt.suite == "" {
				tt.suite = "trixie"
			}
			_, err := client.Index(deadline(t), tt.suite, false)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestIndexAllowExpired(t *testing.T) {
	_, client := served(t, func(s *archivetest.Suite) { s.ValidUntil = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) })
	index, err := client.Index(deadline(t), "trixie", true)
	require.NoError(t, err)
	require.Equal(t, "2026-01-02T03:04:05Z", index.Expired)
}

func TestIndexWithoutNetwork(t *testing.T) {
	server, client := served(t, nil)
	_, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)

	server.Spoil("dists/trixie/InRelease", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	var notes []string
	client.Progress = func(e progress.Event) { notes = append(notes, e.Detail) }
	_, err = client.Index(deadline(t), "trixie", false)
	require.NoError(t, err, "the last index serves as long as it is valid")
	require.Contains(t, strings.Join(notes, "\n"), "using the last one")

	unreachable := archive.Open("http://127.0.0.1:1/debian", t.TempDir(), server.Keys, nil)
	unreachable.Hurry()
	_, err = unreachable.Index(deadline(t), "trixie", false)
	require.ErrorContains(t, err, "is there a network?")
}

func TestFetchResumes(t *testing.T) {
	server, client := served(t, nil)
	index, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)
	p, _ := index.Newest("tool")
	whole := server.Content(p.Path)
	cut := len(whole) / 3

	var mu sync.Mutex
	var ranges []string
	server.Spoil(p.Path, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		ranges = append(ranges, r.Header.Get("Range"))
		if len(ranges) == 1 { // Promise all, send a third, hang up.
			w.Header().Set("Content-Length", "999999")
			_, _ = w.Write(whole[:cut])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(whole))
	})
	file, err := client.Fetch(deadline(t), p)
	require.NoError(t, err)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, whole, got)
	require.Len(t, ranges, 2)
	require.Empty(t, ranges[0])
	require.Regexp(t, `^bytes=\d+-$`, ranges[1])
}

// TestFetchWrongPart continues what is no part of this file: it must notice and
// start over, also with a server that knows no ranges or finds the range bad.
func TestFetchWrongPart(t *testing.T) {
	for name, part := range map[string]string{"shorter": "not a part of it", "longer": strings.Repeat("x", 1<<20)} {
		t.Run(name, func(t *testing.T) {
			server, client := served(t, nil)
			index, err := client.Index(deadline(t), "trixie", false)
			require.NoError(t, err)
			p, _ := index.Newest("tool")
			require.NoError(t, os.WriteFile(filepath.Join(client.Cache, "sha256-"+p.SHA256+".part"), []byte(part), 0o644))
			file, err := client.Fetch(deadline(t), p)
			require.NoError(t, err)
			got, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, server.Content(p.Path), got)
		})
	}
}

func TestFetchWrongDigest(t *testing.T) {
	server, client := served(t, nil)
	index, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)
	p, _ := index.Newest("tool")
	same := bytes.Clone(server.Content(p.Path))
	same[len(same)/2] ^= 1
	server.Spoil(p.Path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(same) })

	_, err = client.Fetch(deadline(t), p)
	var wrong *archive.DigestError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "tool 1.0-1")
	left, err := filepath.Glob(filepath.Join(client.Cache, "sha256-"+p.SHA256+"*"))
	require.NoError(t, err)
	for _, file := range left {
		require.True(t, strings.HasSuffix(file, ".lock"), "%s was kept", file)
	}
}

// TestFetchCancelled leaves a part that the next fetch continues, and no more.
func TestFetchCancelled(t *testing.T) {
	server, client := served(t, nil)
	index, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)
	p, _ := index.Newest("tool")
	ctx, cancel := context.WithCancel(deadline(t))
	server.Spoil(p.Path, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(server.Content(p.Path)[:100])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	_, err = client.Fetch(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	_, err = os.Stat(filepath.Join(client.Cache, "sha256-"+p.SHA256))
	require.ErrorIs(t, err, os.ErrNotExist)

	server.Spoil(p.Path, nil)
	_, err = client.Fetch(deadline(t), p)
	require.NoError(t, err)
}

func TestFetchAtOnce(t *testing.T) {
	server, client := served(t, nil)
	index, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)
	p, _ := index.Newest("tool")
	server.Asked()
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() { _, errs[i] = client.Fetch(deadline(t), p) })
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, server.Asked(), 1)
}

func TestFetchProgress(t *testing.T) {
	_, client := served(t, nil)
	index, err := client.Index(deadline(t), "trixie", false)
	require.NoError(t, err)
	p, _ := index.Newest("tool")
	var states []progress.State
	client.Progress = func(e progress.Event) {
		require.Equal(t, "download tool", e.Step)
		states = append(states, e.State)
		if e.State == progress.Running {
			require.Equal(t, "bytes", e.Unit)
			require.Equal(t, p.Size, e.Total)
		}
	}
	_, err = client.Fetch(deadline(t), p)
	require.NoError(t, err)
	require.Equal(t, []progress.State{progress.Started, progress.Running, progress.Done}, states)
}

func TestDebianKeyring(t *testing.T) {
	keys, err := archive.DebianKeyring()
	require.NoError(t, err)
	var names []string
	for _, k := range keys {
		for name := range k.Identities {
			names = append(names, name)
		}
	}
	for _, release := range []string{"(12/bookworm)", "(13/trixie)"} {
		require.Contains(t, strings.Join(names, "\n"), release)
	}
}
