// Package report makes a [testbed.Result] of raw blocks, judges expectations on
// it, and draws it: as a table in the terminal, as Markdown, as one HTML page,
// and as JSON with a published schema.
//
// It measures nothing, starts nothing and knows no lab file's language:
// expectations arrive compiled. One invariant: a report is a function of its
// result and blocks alone, with no clock, no map order and no unseeded random
// number, so drawing a stored result again gives the same bytes.
package report
