package hcl

import (
	"crypto/sha256"
	"fmt"
)

// mac is an interface's hardware address: always the same for the same lab,
// machine and index, and unlike all in taken, which it joins. 52:54:00 is what
// QEMU gives its guests; it is locally administered (bit 1 of the first byte).
func mac(lab, machine string, index int, taken map[string]bool) string {
	for try := 0; ; try++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d", lab, machine, index, try))
		address := fmt.Sprintf("52:54:00:%02x:%02x:%02x", sum[0], sum[1], sum[2])
		if !taken[address] {
			taken[address] = true
			return address
		}
	}
}
