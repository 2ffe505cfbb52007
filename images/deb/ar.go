package deb

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	arMagic      = "!<arch>\n"
	arHeaderSize = 60
)

// arMember finds the first member of an ar archive whose name begins with
// prefix, and returns its full name and a reader of its content.
func arMember(r io.Reader, prefix string) (string, io.Reader, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return "", nil, errors.New("not a Debian package: no ar header")
	}
	for {
		name, size, err := arHeader(r)
		if errors.Is(err, io.EOF) {
			return "", nil, fmt.Errorf("no member %q", prefix)
		}
		if err != nil {
			return "", nil, err
		}
		if strings.HasPrefix(name, prefix) {
			return name, io.LimitReader(r, size), nil
		}
		if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
			return "", nil, fmt.Errorf("skip member %q: %w", name, err)
		}
	}
}

func arHeader(r io.Reader) (name string, size int64, err error) {
	var header [arHeaderSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return "", 0, err
	}
	name = strings.TrimSuffix(strings.TrimRight(string(header[:16]), " "), "/")
	size, err = strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
	if err != nil || size < 0 {
		return "", 0, fmt.Errorf("read size of member %q: bad ar header", name)
	}
	return name, size, nil
}
