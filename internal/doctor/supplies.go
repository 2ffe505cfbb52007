package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/images/archive"
)

func (h *host) mirror(context.Context) Finding {
	const remedy = "export TESTBED_MIRROR=URL # of a Debian mirror, the part before /dists"
	if mirror := h.getenv("TESTBED_MIRROR"); mirror != "" {
		return ok(mirror + " (TESTBED_MIRROR)")
	}
	mirror, err := archive.FromApt(h.path("/etc/apt"))
	switch {
	case err != nil:
		return warn(err.Error(), remedy)
	case mirror == "":
		return warn("apt's configuration names none; a lab's own mirror still counts", remedy)
	}
	return ok(mirror + " (apt's)")
}

// Room that a lab of two machines takes, with something to spare: an image's
// packages and roots, in the cache; kernels, roots and consoles, in the pool.
const (
	cacheNeeds = 1 << 30 // Bytes.
	poolNeeds  = 512 << 20
)

func (h *host) cacheSpace(context.Context) Finding {
	return h.space(h.xdg("XDG_CACHE_HOME", ".cache"), cacheNeeds, "testbed images prune")
}

func (h *host) poolSpace(context.Context) Finding {
	dir := "/var/lib/libvirt"
	if h.connect != systemURI {
		dir = h.xdg("XDG_DATA_HOME", ".local/share")
	}
	return h.space(dir, poolNeeds, "testbed gc")
}

func (h *host) space(dir string, needs uint64, remedy string) Finding {
	have, err := h.free(h.path(dir))
	if err != nil {
		return warn(err.Error(), "")
	}
	detail := fmt.Sprintf("%.1f GiB free in %s", float64(have)/(1<<30), dir)
	if have < needs {
		return missing(fmt.Sprintf("%s, needs %.1f", detail, float64(needs)/(1<<30)), remedy)
	}
	return ok(detail)
}

func (h *host) goTools(ctx context.Context) Finding {
	out, err := h.run(ctx, "go", "version")
	if errors.Is(err, errNoCommand) {
		return warn("not installed; only needed to build Testbed", h.sudo("scripts/setup"))
	}
	fields := strings.Fields(out)
	if err != nil || len(fields) < 3 {
		return warn(fmt.Sprintf("does not tell its version: %v", err), "")
	}
	return ok(strings.TrimPrefix(fields[2], "go"))
}
