// Package examples holds lab files that are read, run and tested. It embeds the
// one that testbed init writes, and knows nothing about labs.
package examples

import _ "embed"

// First is a lab for somebody's first run: small, commented, and it runs as it is.
//
//go:embed first.hcl
var First string
