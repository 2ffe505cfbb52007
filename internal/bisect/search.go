package bisect

import "math/bits"

// Verdict is what was found of a version.
type Verdict string

// The verdicts. A version that was only measured has none.
const (
	Good    Verdict = "good"
	Bad     Verdict = "bad"
	Skipped Verdict = "skipped" // It does not boot, cannot be measured, or is undecided.
)

// Search looks for the first bad one of versions in a row, of which the first is good and
// the last is bad.
type Search struct{ verdicts []Verdict }

// NewSearch is a search among so many versions, two at least.
func NewSearch(versions int) *Search {
	s := &Search{make([]Verdict, versions)}
	s.verdicts[0], s.verdicts[versions-1] = Good, Bad
	return s
}

// Set takes the verdict of a version.
func (s *Search) Set(i int, v Verdict) { s.verdicts[i] = v }

// Suspects are the last good version and the first bad one that are known. Where
// something lies between them when the search is over, all of it was skipped, and any of
// it or the bad one may be the first.
func (s *Search) Suspects() (good, bad int) {
	for bad = 1; s.verdicts[bad] != Bad; bad++ {
		if s.verdicts[bad] == Good {
			good = bad
		}
	}
	return good, bad
}

// Next is the version to judge next, or false where the search is over. It is the middle
// one of those that are left, or the nearest to it that was not skipped.
func (s *Search) Next() (int, bool) {
	good, bad := s.Suspects()
	return nearest(good, bad, func(i int) bool { return s.verdicts[i] == "" })
}

// Steps are how many versions will be judged at most if no more is skipped.
func (s *Search) Steps() int {
	good, bad := s.Suspects()
	return steps(good, bad, func(i int) bool { return s.verdicts[i] == "" })
}

// nearest is what is free and nearest to the middle between two places.
func nearest(low, high int, free func(int) bool) (int, bool) {
	middle := low + (high-low)/2
	for off := range high - low {
		for _, i := range []int{middle + off, middle - off} {
			if i > low && i < high && free(i) {
				return i, true
			}
		}
	}
	return 0, false
}

// steps is how often what is free between two places can be halved.
func steps(low, high int, free func(int) bool) int {
	n := 0
	for i := low + 1; i < high; i++ {
		if free(i) {
			n++
		}
	}
	return bits.Len(uint(n))
}
