package archive

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/testbed-lab/testbed/images/deb"
)

// debianKeyring is /usr/share/keyrings/debian-archive-keyring.gpg of Debian's
// package debian-archive-keyring 2023.3+deb12u2: the keys of bullseye, bookworm
// and trixie.
//
//go:embed keyring/debian-archive-keyring.gpg
var debianKeyring []byte

// DebianKeyring returns the keys that sign Debian's archive.
func DebianKeyring() (openpgp.EntityList, error) {
	keys, err := openpgp.ReadKeyRing(bytes.NewReader(debianKeyring))
	if err != nil {
		return nil, fmt.Errorf("read embedded archive keyring: %w", err)
	}
	return keys, nil
}

// Digest is a file's size and SHA-256, as its parent in the chain states them.
type Digest struct {
	Size   int64
	SHA256 string // Hex.
}

// Release is a suite's InRelease file, its signature verified.
type Release struct {
	Suite      string
	Codename   string
	Date       time.Time
	ValidUntil time.Time // Zero where the suite never expires.
	ByHash     bool
	Files      map[string]Digest // By path below dists/SUITE/.
}

// ExpiredError says that an index is past its Valid-Until: somebody may be
// holding back security updates, or the mirror is stale.
type ExpiredError struct {
	Suite      string
	ValidUntil time.Time
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the archive's index of %q expired on %s (its Valid-Until): use another mirror, or set allow_expired = true on the image",
		e.Suite, e.ValidUntil.UTC().Format("2 January 2006"))
}

// verifyRelease checks an InRelease file's signature and reads it. The suite
// must be the one that was asked for, or an old or foreign index, signed once
// by the same key, could stand in for it.
func verifyRelease(text []byte, suite string, keys openpgp.KeyRing) (*Release, error) {
	block, rest := clearsign.Decode(text)
	if block == nil {
		return nil, errors.New("no OpenPGP signature in it")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("text after the signature")
	}
	if err := verifyAny(block, keys); err != nil {
		return nil, fmt.Errorf("signature does not verify with Debian's archive keys: %w", err)
	}
	stanza, err := deb.First(bytes.NewReader(block.Bytes))
	if err != nil {
		return nil, err
	}
	r, err := parseRelease(stanza)
	if err != nil {
		return nil, err
	}
	if suite != r.Suite && suite != r.Codename {
		return nil, fmt.Errorf("it is of suite %q (%s), not %q", r.Suite, r.Codename, suite)
	}
	return r, nil
}

// verifyAny accepts the text if one of its signatures is good. The archive signs
// with the keys of two or three releases, and the package's own check looks
// only at the first whose key it knows, which may have expired since.
func verifyAny(block *clearsign.Block, keys openpgp.KeyRing) error {
	signatures := packet.NewOpaqueReader(block.ArmoredSignature.Body)
	err := error(pgperrors.ErrUnknownIssuer)
	for {
		signature, readErr := signatures.Next()
		if errors.Is(readErr, io.EOF) {
			return err
		}
		if readErr != nil {
			return readErr
		}
		var one bytes.Buffer
		if err := signature.Serialize(&one); err != nil {
			return err
		}
		_, _, verifyErr := openpgp.VerifyDetachedSignature(keys, bytes.NewReader(block.Bytes), &one, nil)
		if verifyErr == nil {
			return nil
		}
		if !errors.Is(verifyErr, pgperrors.ErrUnknownIssuer) {
			err = verifyErr
		}
	}
}

func parseRelease(s deb.Stanza) (*Release, error) {
	r := &Release{Suite: s["Suite"], Codename: s["Codename"], ByHash: s["Acquire-By-Hash"] == "yes", Files: map[string]Digest{}}
	for field, to := range map[string]*time.Time{"Date": &r.Date, "Valid-Until": &r.ValidUntil} {
		if s[field] == "" {
			continue
		}
		t, err := parseDate(s[field])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", field, err)
		}
		*to = t
	}
	for line := range strings.Lines(s["SHA256"]) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || !isDigest(fields[0]) {
			return nil, fmt.Errorf("read SHA256: bad line %q", line)
		}
		r.Files[fields[2]] = Digest{Size: size, SHA256: fields[0]}
	}
	return r, nil
}

// parseDate reads the form of RFC 1123 that the archive uses, always in UTC.
func parseDate(text string) (time.Time, error) {
	return time.Parse("Mon, _2 Jan 2006 15:04:05 MST", text)
}

// isDigest keeps what an index says from becoming any other file name.
func isDigest(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == 32
}

func (r *Release) expired(now time.Time) error {
	if r.ValidUntil.IsZero() || now.Before(r.ValidUntil) {
		return nil
	}
	return &ExpiredError{Suite: r.Suite, ValidUntil: r.ValidUntil}
}
