// Command testbed measures what a container's network interface adds to a
// round trip, on virtual machines that a lab file describes.
package main

import (
	"os"

	"github.com/testbed-lab/testbed/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
