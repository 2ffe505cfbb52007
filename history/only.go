package history

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Only says which measurements count, of series that go over more.
type Only struct {
	Kernel string // A release that a machine ran, or its beginning: 6.12 is no 6.120. Optional.
	Host   string // What the host is called. Optional.
}

// of leaves out of results what does not count.
func (o Only) of(results []Result) []Result {
	results = slices.Clone(results)
	for i := range results {
		results[i].Tests = slices.DeleteFunc(slices.Clone(results[i].Tests), func(t Test) bool { return !o.counts(t) })
	}
	return results
}

func (o Only) counts(t Test) bool {
	return (o.Host == "" || t.Node == o.Host) && (o.Kernel == "" || slices.ContainsFunc(t.Kernels, o.isKernel))
}

func (o Only) isKernel(release string) bool {
	rest, begins := strings.CutPrefix(release, o.Kernel)
	next, _ := utf8.DecodeRuneInString(rest)
	return begins && !unicode.IsDigit(next)
}
