package bisect

// Largest looks for the two neighbours between which something changed most, among
// versions in a row of which the first and the last are measured.
//
// It halves the stretch that can hide the most until none can hide more than the largest
// step that is known. What a stretch can hide is Bound; with one that is never less than
// the largest step in it, the answer is the largest step there is.
type Largest struct {
	// Size of the change from one measured version to a later one, without its sign.
	Size func(from, to int) float64
	// Bound of the changes between two measured versions. Never less than Size.
	Bound func(from, to int) float64

	verdicts []Verdict // Good stands for measured.
}

// NewLargest is a search among so many versions, two at least.
func NewLargest(versions int, size, bound func(from, to int) float64) *Largest {
	l := &Largest{Size: size, Bound: bound, verdicts: make([]Verdict, versions)}
	l.verdicts[0], l.verdicts[versions-1] = Good, Good
	return l
}

// Measured takes note that a version was measured.
func (l *Largest) Measured(i int) { l.verdicts[i] = Good }

// Skip takes note that a version cannot be measured.
func (l *Largest) Skip(i int) { l.verdicts[i] = Skipped }

// Answer is the largest step that is known: from a version to the next that was measured.
// Until the search is over it may be none (0, 0).
func (l *Largest) Answer() (from, to int) {
	largest := -1.0
	l.stretches(func(low, high int) {
		if _, open := l.inside(low, high); open {
			return
		}
		if size := l.Size(low, high); size > largest {
			largest, from, to = size, low, high
		}
	})
	return from, to
}

// Next is the version to measure next, or false where the search is over.
func (l *Largest) Next() (next int, more bool) {
	widest := -1.0
	l.worth(func(low, high int) {
		if bound := l.Bound(low, high); bound > widest {
			widest = bound
			next, more = l.inside(low, high)
		}
	})
	return next, more
}

// Steps are how many versions will be measured if each half of a stretch but one hides
// too little.
func (l *Largest) Steps() int {
	n := 0
	l.worth(func(low, high int) { n += steps(low, high, l.free) })
	return n
}

// worth visits the stretches that may hide more than the answer so far.
func (l *Largest) worth(visit func(low, high int)) {
	from, to := l.Answer()
	known := 0.0
	if to > from {
		known = l.Size(from, to)
	}
	l.stretches(func(low, high int) {
		if _, open := l.inside(low, high); open && (to == from || l.Bound(low, high) > known) {
			visit(low, high)
		}
	})
}

func (l *Largest) free(i int) bool { return l.verdicts[i] == "" }

func (l *Largest) inside(low, high int) (int, bool) { return nearest(low, high, l.free) }

// stretches visits each pair of versions that were measured with none measured between.
func (l *Largest) stretches(visit func(low, high int)) {
	low := 0
	for high := 1; high < len(l.verdicts); high++ {
		if l.verdicts[high] == Good {
			visit(low, high)
			low = high
		}
	}
}
