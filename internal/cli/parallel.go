package cli

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/prometheus/procfs"

	"github.com/testbed-lab/testbed/internal/run"
)

// guestOverhead is what QEMU takes beside a guest's memory, in bytes.
const guestOverhead = 256 << 20

// parallel is how many cells to measure at once: as many as were asked for, or as this
// machine has room for, where it makes no difference to what is measured.
func parallel(lab *run.Lab, asked int) (int, error) {
	if lab.Backend == "icount" {
		return cmp.Or(asked, min(runtime.NumCPU(), roomFor(lab))), nil
	}
	if asked > 1 {
		return 0, usageError{
			fmt.Errorf("--parallel %d: cells that are timed at once would time each other", asked),
			"leave it out, or count instructions: --backend icount",
		}
	}
	return 1, nil
}

// roomFor is how many guests of a lab the memory that is left holds; one at least.
func roomFor(lab *run.Lab) int {
	each := uint64(0)
	for _, cell := range lab.Cells {
		for _, m := range cell.Machines {
			each = max(each, m.Memory)
		}
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return 1
	}
	memory, err := proc.Meminfo()
	if err != nil || memory.MemAvailableBytes == nil {
		return 1
	}
	return int(max(1, *memory.MemAvailableBytes/(each+guestOverhead)))
}
