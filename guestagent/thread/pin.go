package thread

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Pin binds the calling thread to the nth of the CPUs that it may use. What it
// starts afterwards is bound too.
func Pin(n int) error {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("read CPU affinity: %w", err)
	}
	left := n
	for cpu := range len(allowed) * 64 {
		if !allowed.IsSet(cpu) {
			continue
		}
		if left == 0 {
			var one unix.CPUSet
			one.Set(cpu)
			if err := unix.SchedSetaffinity(0, &one); err != nil {
				return fmt.Errorf("pin thread to CPU %d: %w", cpu, err)
			}
			return nil
		}
		left--
	}
	return fmt.Errorf("pin thread to CPU number %d: this process may use %d only", n, allowed.Count())
}
