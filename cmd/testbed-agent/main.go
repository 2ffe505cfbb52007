// Command testbed-agent runs in a guest: run reads a segment of blocks and the
// other agent's messages on standard input, and writes what it saw to standard
// output as JSON lines; check says whether a lab may have a NIC of a machine that
// exists; lease removes a folder when its input ends; hostinfo describes the
// machine; version names the protocol.
package main

import (
	"fmt"
	"os"

	"github.com/testbed-lab/testbed/guestagent"
)

func main() {
	if err := guestagent.Command(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testbed-agent:", err)
		os.Exit(1)
	}
}
