// Package symbol knows how functions of a kernel are called.
package symbol

import "strings"

// Plain leaves out what a compiler adds to the name of a function of which it made a
// part or a variant, such as ".isra.0", ".constprop.0", ".part.0" and ".cold": all of
// them are the one function that its author wrote, also where the next kernel's
// compiler makes others.
func Plain(name string) string {
	base, _, _ := strings.Cut(name, ".")
	return base
}
