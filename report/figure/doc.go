// Package figure draws the report's figures as SVG by hand: cumulative
// distributions of a mode against host, and ratios with their intervals.
//
// It knows numbers and labels, and no result or page; colours come from the
// page's style sheet by class, so one drawing serves light, dark and print. One
// invariant: no figure needs colour to be read, for curves differ in dash,
// points in filling, and both carry their name beside them.
package figure
