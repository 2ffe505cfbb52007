package images

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/images/archivetest"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/testbed"
)

// servedLab has bookworm without a kernel, and no bookworm-backports.
func servedLab(t *testing.T) *lab {
	l := newLab(t)
	l.archive.Add(archivetest.Suite{Name: "bookworm", Packages: userland("0.9-1")})
	return l
}

func (l *lab) kernels(r KernelRange, lock *Lock, change func(*Options)) ([]string, error) {
	all, err := l.store(change).Kernels(deadline(l.t), r, lock)
	var versions []string
	for _, k := range all {
		versions = append(versions, k.Version)
	}
	return versions, err
}

func TestKernels(t *testing.T) {
	l := servedLab(t)
	const old, newer = "6.12.1-1", "7.3.4-1~bpo13+1"
	for _, tt := range []struct {
		r    KernelRange
		want []string
		says string
	}{
		{r: KernelRange{}, want: []string{old, newer}},
		{r: KernelRange{From: "6.12", To: "7.3"}, want: []string{old, newer}},
		{r: KernelRange{From: "7.3"}, want: []string{newer}},
		{r: KernelRange{To: "6.12.1"}, want: []string{old}},
		{r: KernelRange{From: old, To: old}, want: []string{old}},
		{r: KernelRange{From: newRelease, To: "7.3.4+deb13"}, want: []string{newer}},
		{r: KernelRange{Suites: []string{"trixie"}}, want: []string{old}},
		{r: KernelRange{From: "7.3", To: "6.12"}, says: "kernel 7.3 is newer than 6.12: name the older one first"},
		{r: KernelRange{From: "6.13"}, says: "the mirror serves no kernel 6.13; the nearest are 6.12.1-1 and 7.3.4-1~bpo13+1"},
		{r: KernelRange{To: "8"}, says: "serves no kernel 8; the newest is 7.3.4-1~bpo13+1"},
		{r: KernelRange{From: "5.10"}, says: "serves no kernel 5.10; the oldest is 6.12.1-1"},
		{r: KernelRange{From: "6.1"}, says: "serves no kernel 6.1"}, // Not the beginning of 6.12.
		{r: KernelRange{Suites: []string{"bookworm-backports"}}, says: "none of the suites bookworm-backports"},
	} {
		got, err := l.kernels(tt.r, nil, nil)
		if tt.says != "" {
			require.ErrorContains(t, err, tt.says)
			continue
		}
		require.NoError(t, err, tt.r)
		require.Equal(t, tt.want, got, tt.r)
	}
}

// TestKernelsLeaveOut what is no use, and say so: expired suites, and kernels of which
// the mirror lacks a package.
func TestKernelsLeaveOut(t *testing.T) {
	l := servedLab(t)
	var notes []string
	note := func(o *Options) {
		o.Progress = func(e progress.Event) {
			if e.State == progress.Note {
				notes = append(notes, e.Detail)
			}
		}
	}
	l.archive.Add(archivetest.Suite{Name: "sid", ValidUntil: time.Now().Add(-time.Hour), Packages: splitKernel(t)})
	partial := splitKernel(t)
	l.archive.Add(archivetest.Suite{Name: "trixie-backports", Packages: partial[:len(partial)-1]}) // Without its modules.
	got, err := l.kernels(KernelRange{Suites: []string{"sid", "trixie", "trixie-backports"}}, nil, note)
	require.NoError(t, err)
	require.Equal(t, []string{"6.12.1-1"}, got)
	require.Contains(t, strings.Join(notes, "\n"), "kernels of sid are left out: the archive's index of \"sid\" expired")
	require.Contains(t, strings.Join(notes, "\n"), "trixie-backports: the mirror lacks a package of 1 kernels")
}

// TestKernelsNeedEachSuite: a list that a failing mirror has cut short would be pinned.
func TestKernelsNeedEachSuite(t *testing.T) {
	l := servedLab(t)
	l.archive.Spoil("dists/trixie/InRelease", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err := l.kernels(KernelRange{}, nil, nil)
	require.ErrorContains(t, err, "list kernels: ")
	require.ErrorContains(t, err, "403")
}

// TestKernelsArePinned: a second run has the same list, whatever the mirror serves then,
// and an image of the list is built of the packages that it names.
func TestKernelsArePinned(t *testing.T) {
	l := servedLab(t)
	lock, err := ReadLock(l.lock)
	require.NoError(t, err)
	r := KernelRange{From: "6.12", To: "7.3"}
	first, err := l.kernels(r, lock, nil)
	require.NoError(t, err)
	require.NoError(t, lock.Write())

	l.addTrixie("6.12.1-2", "1.0-1")
	l.archive.Asked()
	again, err := ReadLock(l.lock)
	require.NoError(t, err)
	second, err := l.kernels(r, again, nil)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Empty(t, l.archive.Asked(), "a pinned list needs no mirror")

	built, err := l.build(testbed.Image{Name: "k", KernelVersion: "7.3.4-1~bpo13+1"}, nil)
	require.NoError(t, err)
	require.Equal(t, newRelease, built.Release)
	require.Equal(t, "trixie-backports", built.Facts["suite"])

	updated, err := l.kernels(r, again, func(o *Options) { o.Update = true })
	require.NoError(t, err)
	require.Equal(t, []string{"6.12.1-2", "7.3.4-1~bpo13+1"}, updated)
	again.Retain(nil)
	_, kept := again.kernels(r)
	require.True(t, kept, "what was asked for stays")

	fresh, err := ReadLock(l.lock)
	require.NoError(t, err)
	fresh.Retain(nil)
	_, kept = fresh.kernels(r)
	require.False(t, kept, "what nobody asks for goes")
}

// TestKernelVersionAlone is looked for in all suites.
func TestKernelVersionAlone(t *testing.T) {
	l := servedLab(t)
	for version, release := range map[string]string{"6.12": oldRelease, "7.3.4-1~bpo13+1": newRelease} {
		image := testbed.Image{Name: "alone", KernelVersion: version}
		built, err := l.build(image, nil)
		require.NoError(t, err)
		require.Equal(t, release, built.Release)
		l.archive.Asked()
		again, err := l.build(image, nil)
		require.NoError(t, err)
		require.Equal(t, built, again)
		require.Empty(t, l.archive.Asked())
	}
	_, err := l.build(testbed.Image{Name: "alone", KernelVersion: "6.13"}, nil)
	require.ErrorContains(t, err, "the mirror serves no kernel 6.13")
}
