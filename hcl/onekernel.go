package hcl

import (
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// backendLocal is the backend whose machines share this machine's kernel.
const backendLocal = "local"

// checkOneKernel refuses what machines that share this machine's kernel cannot
// differ in, in any cell.
func (c *cellLoader) checkOneKernel(f fields, m testbed.Machine) {
	if f.ok("image") {
		image := get[ref](f, "image")
		if c.kernel.name == "" {
			c.kernel = image
		}
		if image.name != c.kernel.name {
			f.reject("image", "One kernel", "On the backend \"local\" every machine of every cell runs this machine's own kernel, so two images mean nothing: here %s, before it %s. Use one, or the backend \"libvirt\".", image.code, c.kernel.code)
		}
	}
	if m.Setup != "" {
		f.reject("setup", "No machine of its own", "On the backend \"local\" a machine is a namespace of this one, so \"setup\" would change this machine. Leave it out, or use the backend \"libvirt\".")
	}
	c.checkSysctls(f, m)
}

// checkSysctls refuses settings that are not of a network namespace.
func (c *cellLoader) checkSysctls(f fields, m testbed.Machine) {
	for _, name := range slices.Sorted(maps.Keys(m.Sysctl)) {
		if !strings.HasPrefix(name, "net.") && !strings.HasPrefix(name, "net/") {
			f.reject("sysctl", "One kernel", "On the backend %q a machine has the settings of a network namespace alone (net.…), and %q is the whole kernel's. Leave it out, or use the backend \"libvirt\".", c.lab.Backend, name)
		}
	}
}
