package run

import (
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// cellName is how a cell of the matrix is called in progress and errors; empty
// where there is no matrix.
func cellName(c testbed.Cell) string {
	parts := make([]string, len(c.Coordinates))
	for i, at := range c.Coordinates {
		parts[i] = at.Name + "=" + at.Value
	}
	return strings.Join(parts, " ")
}
