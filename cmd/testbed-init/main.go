// Command testbed-init is PID 1 of Testbed's guests; see package guestinit. It
// goes into the guests' initramfs and is of no use elsewhere.
package main

import "github.com/testbed-lab/testbed/guestinit"

func main() { guestinit.Run() }
