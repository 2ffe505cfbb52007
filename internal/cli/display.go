package cli

import (
	"os"

	"github.com/testbed-lab/testbed/internal/terminal"
)

// display draws progress on standard error.
func (a *app) display() *terminal.Display {
	options := terminal.Detect(a.stderr, os.Getenv)
	options.JSON = a.events
	return terminal.New(a.stderr, options)
}
