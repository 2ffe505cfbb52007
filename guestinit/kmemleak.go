package guestinit

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// kmemleakFile is kmemleak's, but in tests.
var kmemleakFile = "/sys/kernel/debug/kmemleak"

// stopScans has a kernel with kmemleak leave its memory alone until it is asked. By
// itself it scans all of it a minute after boot and each ten minutes from then on
// (SECS_FIRST_SCAN and SECS_SCAN_WAIT), in the middle of what is measured.
func stopScans() error {
	file, err := os.OpenFile(kmemleakFile, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = file.WriteString("scan=off")
		err = errors.Join(err, file.Close())
	}
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EBUSY): // kmemleak=off: it scans nothing.
		return nil
	case err != nil:
		return fmt.Errorf("stop kmemleak's scans: %w", err)
	}
	return nil
}
