package kconfig

import (
	"fmt"
	"io"
	"strings"
)

// Need is what something asks of a kernel.
type Need struct {
	For      string // Such as "mode ipvlan_l2".
	Features []Feature
}

// Options are the options of features, each once, without what they require.
func Options(features []Feature) []string {
	var all []string
	seen := map[string]bool{}
	for _, f := range features {
		for _, option := range f.Options() {
			if !seen[option] {
				seen[option], all = true, append(all, option)
			}
		}
	}
	return all
}

// WriteFragment writes the configuration that needs amount to, with all that its
// options require, for the kernel's scripts/kconfig/merge_config.sh. Each option
// stands once, at the first that needs it.
func WriteFragment(w io.Writer, needs []Need) error {
	var b strings.Builder
	seen := map[string]bool{}
	for _, need := range needs {
		var lines []string
		for _, option := range withRequired(Options(need.Features)) {
			if !seen[option] {
				seen[option], lines = true, append(lines, option+"=y\n")
			}
		}
		if len(lines) > 0 {
			fmt.Fprintf(&b, "\n# %s\n%s", need.For, strings.Join(lines, ""))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
