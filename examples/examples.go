// Package examples holds lab files that are read, run and tested. It embeds
// those that the program itself uses, and knows nothing about labs.
package examples

import _ "embed"

// First is a lab for somebody's first run: small, commented, and it runs as it is.
//
//go:embed first.hcl
var First string

// Calibration is the lab whose answer is known, for testbed doctor --calibrate.
//
//go:embed calibration.hcl
var Calibration string

// CalibrationGuest is the lab of one guest in which Calibration is run.
//
//go:embed calibration-guest.hcl
var CalibrationGuest string
