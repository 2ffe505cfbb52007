package images

import (
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/deb"
)

// tool is a Debian package and the programs taken from it.
type tool struct {
	pkg      string
	programs []string
	// optional: not in every release's main section.
	optional bool
}

// tools are what a person wants in a guest. Busybox gives the rest: not
// busybox-static, whose shell runs its own ip and ping rather than the real ones.
var tools = []tool{
	{pkg: "busybox", programs: []string{"busybox"}},
	{pkg: "conntrack", programs: []string{"conntrack"}},
	{pkg: "ethtool", programs: []string{"ethtool"}},
	{pkg: "iproute2", programs: []string{"bridge", "ip", "nstat", "ss", "tc"}},
	{pkg: "iputils-ping", programs: []string{"ping"}},
	{pkg: "netperf", programs: []string{"netperf", "netserver"}, optional: true}, // In main from trixie on.
	{pkg: "nftables", programs: []string{"nft"}},
	{pkg: "sockperf", programs: []string{"sockperf"}},
	{pkg: "tcpdump", programs: []string{"tcpdump"}},
}

// resolveUserland lists the packages that the tools and their libraries come
// from, in the order of the tools.
func resolveUserland(x *archive.Index) ([]archive.Package, error) {
	var queue, all []archive.Package
	for _, t := range tools {
		p, ok := x.Newest(t.pkg)
		if !ok && !t.optional {
			return nil, fmt.Errorf("the archive's suite %q has no package %q, which the guest's user land needs", x.Suite, t.pkg)
		}
		if ok {
			queue = append(queue, p)
		}
	}
	seen := map[string]bool{}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if seen[p.Name] {
			continue
		}
		seen[p.Name] = true
		all = append(all, p)
		queue = append(queue, libraries(x, p)...)
	}
	return all, nil
}

// libraries are the packages of shared libraries that a package depends on.
// Others (debconf, adduser, …) serve an installation, and there is none.
func libraries(x *archive.Index, p archive.Package) []archive.Package {
	var found []archive.Package
	for _, alternatives := range deb.Dependencies(p.Depends) {
		for _, d := range alternatives {
			if library, ok := x.Exactly(d.Name, d.Version); ok && isLibrary(library) {
				found = append(found, library)
				break
			}
		}
	}
	return found
}

func isLibrary(p archive.Package) bool {
	for _, suffix := range []string{"-base", "-bin", "-common", "-data", "-dev"} {
		if strings.HasSuffix(p.Name, suffix) {
			return false
		}
	}
	// Some libraries stand in the section of what they are for (libxtables12 in
	// net), some are not called lib (zlib1g).
	return p.Section == "libs" || strings.HasPrefix(p.Name, "lib")
}
