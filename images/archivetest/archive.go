// Package archivetest serves a small signed Debian archive on loopback, made
// for a test: packages with what little in them a build looks at. It is no part
// of the program. Invariant: what it serves is right in every link of the
// chain, unless a test spoils it with [Archive.Spoil].
package archivetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"
)

// Archive is an archive that is being served.
type Archive struct {
	URL  string // The mirror's address.
	Keys openpgp.EntityList

	t     *testing.T
	mu    sync.Mutex
	files map[string][]byte
	spoil map[string]http.HandlerFunc
	asked []string
}

// Suite describes a suite's index.
type Suite struct {
	Name       string    // Code name, and the folder it is served in.
	Alias      string    // Suite field. Default: Name.
	ValidUntil time.Time // Zero: never expires.
	SignedBy   *openpgp.Entity
	ByHash     bool
	Packages   []Package
}

// New serves an archive with no suites until the test ends.
func New(t *testing.T) *Archive {
	t.Helper()
	a := &Archive{t: t, Keys: openpgp.EntityList{NewKey(t)}, files: map[string][]byte{}, spoil: map[string]http.HandlerFunc{}}
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(server.Close)
	a.URL = server.URL + "/debian"
	return a
}

// NewKey makes a key that can sign.
func NewKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("Test archive", "", "archive@example.invalid", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	require.NoError(t, err)
	return key
}

// Add makes a suite's packages and index, in place of an older one.
func (a *Archive) Add(s Suite) {
	a.t.Helper()
	var list strings.Builder
	for _, p := range s.Packages {
		path, content := "pool/main/"+p.Name+"/"+p.Name+"_"+strings.ReplaceAll(p.Version, ":", "%3a")+"_amd64.deb", p.build(a.t)
		a.put(path, content)
		fmt.Fprintf(&list, "Package: %s\nVersion: %s\nSection: %s\nDepends: %s\nProvides: %s\nFilename: %s\nSize: %d\nSHA256: %s\nDescription: test\n more of it\n\n",
			p.Name, p.Version, p.Section, p.Depends, p.Provides, path, len(content), sum(content))
	}
	index := compress(a.t, "xz", []byte(list.String()))
	dir, name := "dists/"+s.Name+"/", "main/binary-amd64/Packages.xz"
	a.put(dir+name, index)
	a.put(dir+"main/binary-amd64/by-hash/SHA256/"+sum(index), index)
	a.put(dir+"InRelease", a.sign(s, fmt.Sprintf(" %s %d %s\n", sum(index), len(index), name)))
}

func (a *Archive) sign(s Suite, digests string) []byte {
	a.t.Helper()
	text := fmt.Sprintf("Origin: Debian\nSuite: %s\nCodename: %s\nDate: %s\n", firstOf(s.Alias, s.Name), s.Name, time.Now().UTC().Format(time.RFC1123))
	if !s.ValidUntil.IsZero() {
		text += "Valid-Until: " + strings.ReplaceAll(s.ValidUntil.UTC().Format(time.RFC1123), "GMT", "UTC") + "\n"
	}
	if s.ByHash {
		text += "Acquire-By-Hash: yes\n"
	}
	text += "SHA256:\n" + digests
	key := s.SignedBy
	if key == nil {
		key = a.Keys[0]
	}
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, key.PrivateKey, nil)
	require.NoError(a.t, err)
	_, err = w.Write([]byte(text))
	require.NoError(a.t, err)
	require.NoError(a.t, w.Close())
	signed.WriteByte('\n')
	return signed.Bytes()
}

// Find is the path of the only file whose path has fragment in it.
func (a *Archive) Find(fragment string) string {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []string
	for _, path := range slices.Sorted(maps.Keys(a.files)) {
		if strings.Contains(path, fragment) {
			found = append(found, path)
		}
	}
	require.Len(a.t, found, 1, "files with %q in their path", fragment)
	return found[0]
}

// Content is what is served at a path.
func (a *Archive) Content(path string) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.files[path]
}

// Remove makes the archive forget a file.
func (a *Archive) Remove(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.files, path)
}

// Spoil answers requests for a path with a handler of the test's; nil mends it.
func (a *Archive) Spoil(path string, handler http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spoil[path] = handler
}

// Asked are the paths that were asked for since the last call.
func (a *Archive) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	return asked
}

func (a *Archive) put(path string, content []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[path] = content
}

func (a *Archive) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/debian/")
	a.mu.Lock()
	content, ok := a.files[path]
	handler := a.spoil[path]
	a.asked = append(a.asked, path)
	a.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case !ok:
		http.NotFound(w, r)
	default:
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}

func sum(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
