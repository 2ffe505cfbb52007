package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// kernelFacts are the names under which an agent or an image states a kernel.
var kernelFacts = []string{"kernel_release", "release", "kernel"}

// kernelsOf lists the kernels that the machines ran, sorted, each once.
func kernelsOf(r testbed.Result) []string {
	seen := map[string]bool{}
	for _, m := range r.Environment.Machines {
		for _, name := range kernelFacts {
			if release, is := m.Facts[name].(string); is && release != "" {
				seen[release] = true
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// localBackend is the one whose machines are no computers.
const localBackend = "local"

// machinesOf says in a few words what the machines were.
func machinesOf(r testbed.Result) []string {
	switch {
	case r.Backend == localBackend:
		kernel := "namespaces of this kernel"
		if kernels := kernelsOf(r); len(kernels) > 0 {
			kernel += " (" + strings.Join(kernels, ", ") + ")"
		}
		return []string{r.Backend, kernel}
	case r.Accelerator != "":
		return []string{r.Backend, strings.ToUpper(r.Accelerator)}
	}
	return []string{r.Backend}
}

// shareText says in how many resamples a claim held.
func shareText(e testbed.ExpectationResult) string {
	if e.Share == nil {
		return ""
	}
	percent := 100 * *e.Share
	text := fmt.Sprintf("%.1f", percent)
	return "holds in " + strings.TrimSuffix(text, ".0") + "% of resamples"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
