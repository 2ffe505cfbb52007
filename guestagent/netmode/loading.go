package netmode

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"
)

// loaded waits for the module that an [UnsupportedError] misses, where the kernel has it by
// now, and reports whether it is worth a second try. The agents of two machines that are
// one kernel ask for a module at once, and busybox's modprobe tells the second that it is
// there while the first still loads it: that kernel would be said to lack what it has. One
// that was refused as unknown, and is known when asked again ([explainLink]), came between.
func loaded(ctx context.Context, refused error) bool {
	var lacks *UnsupportedError
	if !errors.As(refused, &lacks) {
		return lacking(refused)
	}
	if lacks.Module == "" {
		return false
	}
	return awaitModule(ctx, lacks.Module, func() string {
		text, _ := os.ReadFile("/proc/modules") // A kernel without modules has none.
		return string(text)
	})
}

// awaitModule waits until a module is loaded that is being loaded; false where it is not
// to be there.
func awaitModule(ctx context.Context, module string, modules func() string) bool {
	for {
		switch moduleState(modules(), module) {
		case "Live":
			return true
		case "Loading":
		default:
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Millisecond):
		}
	}
}

// moduleState is what /proc/modules says of a module; empty where it does not list it.
func moduleState(modules, module string) string {
	for line := range strings.Lines(modules) { // name size users by state address
		if fields := strings.Fields(line); len(fields) > 4 && fields[0] == module {
			return fields[4]
		}
	}
	return ""
}
