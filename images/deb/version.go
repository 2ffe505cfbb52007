package deb

import (
	"cmp"
	"strings"
)

// CompareVersions orders two package versions as dpkg does (deb-version(7)):
// negative if a is older than b, positive if newer.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	return cmp.Or(
		compareDigits(epochA, epochB),
		comparePart(upstreamA, upstreamB),
		comparePart(revisionA, revisionB),
	)
}

func splitVersion(v string) (epoch, upstream, revision string) {
	if i := strings.IndexByte(v, ':'); i >= 0 {
		epoch, v = v[:i], v[i+1:]
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v, revision = v[:i], v[i+1:]
	}
	return epoch, v, revision
}

// comparePart takes turns at a run of non-digits and a run of digits.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		var textA, textB, numA, numB string
		textA, a = span(a, false)
		textB, b = span(b, false)
		if c := compareText(textA, textB); c != 0 {
			return c
		}
		numA, a = span(a, true)
		numB, b = span(b, true)
		if c := compareDigits(numA, numB); c != 0 {
			return c
		}
	}
	return 0
}

// span cuts the longest prefix that is all digits, or has none.
func span(s string, digits bool) (head, tail string) {
	for i := range len(s) {
		if isDigit(s[i]) != digits {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func compareText(a, b string) int {
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(weight(a, i), weight(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// weight puts ~ before the end of the part, the end before letters, and
// letters before everything else.
func weight(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case c == '~':
		return -1
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return int(c)
	default:
		return int(c) + 256
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// Upstream is the part of a package's version that whoever wrote the program gave it:
// without the epoch before it and Debian's revision behind it.
func Upstream(version string) string {
	_, upstream, _ := splitVersion(version)
	return upstream
}
