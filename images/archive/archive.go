// Package archive reads a Debian archive as apt does: it finds the mirror,
// checks the signature of a suite's InRelease, and follows the digests from
// there to Packages and to each package. It installs nothing and knows nothing
// of kernels. Invariant: no byte leaves it that is not covered by a signature
// of Debian's archive keys, or by a digest that the caller had pinned.
package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/images/deb"
	"github.com/testbed-lab/testbed/images/flock"
	"github.com/testbed-lab/testbed/internal/progress"
)

// indexPath is the list of packages of the only architecture that Testbed
// builds for.
const indexPath = "main/binary-amd64/Packages.xz"

// Archive is one mirror and what was fetched from any.
type Archive struct {
	Mirror   string // Without a slash at the end.
	Cache    string // Folder for what was fetched.
	Progress progress.Sink
	Keys     openpgp.KeyRing
	Now      func() time.Time

	client    *http.Client
	firstWait time.Duration
}

// Open returns the archive at mirror.
func Open(mirror, cache string, keys openpgp.KeyRing, sink progress.Sink) *Archive {
	return &Archive{
		Mirror: strings.TrimRight(mirror, "/"), Cache: cache, Progress: sink,
		Keys: keys, Now: time.Now, client: newClient(), firstWait: defaultFirstWait,
	}
}

// Cached returns what was fetched before, with no mirror to fetch from.
func Cached(cache string) *Archive { return Open("", cache, nil, nil) }

// Index fetches and verifies the list of packages of a suite. With
// allowExpired an index past its Valid-Until is accepted and marked.
func (a *Archive) Index(ctx context.Context, suite string, allowExpired bool) (*Index, error) {
	release, err := a.release(ctx, suite)
	if err != nil {
		return nil, err
	}
	index := &Index{Suite: suite}
	if err := release.expired(a.Now()); err != nil {
		if !allowExpired {
			return nil, err
		}
		index.Expired = release.ValidUntil.UTC().Format(time.RFC3339)
	}
	want, ok := release.Files[indexPath]
	if !ok {
		return nil, fmt.Errorf("the archive's suite %q lists no %s", suite, indexPath)
	}
	file := a.blob(want)
	err = a.once(ctx, want, func() error { return a.fetchIndex(ctx, release, suite, file, want) })
	if err != nil {
		return nil, fmt.Errorf("fetch package list of %q: %w", suite, err)
	}
	index.Packages, err = parseIndex(file)
	return index, err
}

// once fetches a file that is not there yet. Of several that want it at once,
// in this process or another, one fetches and the others wait.
func (a *Archive) once(ctx context.Context, want Digest, fetch func() error) error {
	if a.Has(want) {
		return nil
	}
	unlock, err := flock.Lock(ctx, a.blob(want)+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if a.Has(want) {
		return nil
	}
	return fetch()
}

// SuiteError says that a mirror has no such suite.
type SuiteError struct {
	Mirror, Suite string
	err           error
}

func (e *SuiteError) Error() string {
	return fmt.Sprintf("the mirror %s has no suite %q: %v", e.Mirror, e.Suite, e.err)
}
func (e *SuiteError) Unwrap() error { return e.err }

// Has reports whether a file was fetched already. It trusts the size:
// the digest was checked before the file got its name.
func (a *Archive) Has(d Digest) bool {
	info, err := os.Stat(a.blob(d))
	return err == nil && info.Size() == d.Size
}

// release fetches and verifies a suite's InRelease. Without a network, the one
// that was fetched last will do for as long as it is valid.
func (a *Archive) release(ctx context.Context, suite string) (*Release, error) {
	if suite == "" || strings.Trim(suite, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, fmt.Errorf("%q is no name of a Debian suite", suite)
	}
	url := a.Mirror + "/dists/" + suite + "/InRelease"
	saved := filepath.Join(a.Cache, "InRelease-"+suite)
	text, err := a.text(ctx, url)
	var status *StatusError
	switch {
	case errors.As(err, &status) && status.Status == http.StatusNotFound:
		return nil, &SuiteError{a.Mirror, suite, err}
	case err != nil && ctx.Err() == nil:
		old, readErr := os.ReadFile(saved)
		if readErr != nil {
			return nil, err
		}
		a.Progress.Note(fmt.Sprintf("the index of %s cannot be fetched (%v); using the last one", suite, err))
		text = old
	case err != nil:
		return nil, err
	}
	r, verifyErr := verifyRelease(text, suite, a.Keys)
	if verifyErr != nil {
		return nil, fmt.Errorf("verify %s: %w", url, verifyErr)
	}
	if err == nil {
		if err := renameio.WriteFile(saved, text, 0o644); err != nil {
			return nil, fmt.Errorf("keep index of %q: %w", suite, err)
		}
	}
	return r, nil
}

// fetchIndex prefers the address by hash, where a mirror that is just being
// updated still has the file that this InRelease means.
func (a *Archive) fetchIndex(ctx context.Context, r *Release, suite, file string, want Digest) error {
	base := a.Mirror + "/dists/" + suite + "/"
	step := "download package list of " + suite
	if r.ByHash {
		err := a.download(ctx, base+filepath.Dir(indexPath)+"/by-hash/SHA256/"+want.SHA256, file, step, want)
		var status *StatusError
		if !errors.As(err, &status) || status.Status != http.StatusNotFound {
			return err
		}
	}
	return a.download(ctx, base+indexPath, file, step, want)
}

func parseIndex(file string) (map[string][]Package, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open package list: %w", err)
	}
	defer f.Close()
	plain, err := deb.Decompress(indexPath, f)
	if err != nil {
		return nil, fmt.Errorf("decompress package list: %w", err)
	}
	defer plain.Close()
	packages, err := readIndex(plain)
	if err != nil {
		return nil, fmt.Errorf("read package list: %w", err)
	}
	return packages, nil
}

// Fetch returns the local path of a package, fetching it where the cache does
// not have it.
func (a *Archive) Fetch(ctx context.Context, p Package) (string, error) {
	file := a.blob(p.Digest)
	err := a.once(ctx, p.Digest, func() error {
		return a.download(ctx, a.Mirror+"/"+p.Path, file, "download "+p.Name, p.Digest)
	})
	if err != nil {
		return "", fmt.Errorf("fetch package %s %s: %w", p.Name, p.Version, err)
	}
	return file, nil
}

func (a *Archive) blob(d Digest) string { return filepath.Join(a.Cache, "sha256-"+d.SHA256) }
