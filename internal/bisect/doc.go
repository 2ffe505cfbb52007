// Package bisect finds the version that changed a measurement, among versions in a row:
// which to measure next, what has been decided, when the answer is known. Whoever calls
// it measures. It is plain search over places in a list, and a journal of decisions in a
// folder, so that a search that was stopped goes on where it was.
//
// Invariant: no version is measured twice, and what could not be measured is named in
// the answer where it matters.
package bisect
