package libvirt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
	"github.com/testbed-lab/testbed/testbed"
)

// form is the version of what this package generates: a machine made by an
// older form is made anew.
const form = "1"

// wantedLab is a request with every name, address and document settled; pure,
// so that the same request always has the same digests.
type wantedLab struct {
	provision.Request
	id         string
	names      namer
	host       hypervisor
	authorized string // The lab's public SSH key.
	sockets    string // Folder of a session's sockets; empty on the system's.
}

// backendNetworks says whether libvirt makes the networks; a session's are QEMU
// backends of the machines on them.
func (w wantedLab) backendNetworks() bool { return w.sockets == "" }

// made are the networks that libvirt makes for the lab.
func (w wantedLab) made() (networks []testbed.Network) {
	for _, n := range w.Networks {
		if w.backendNetworks() && n.Bridge == "" {
			networks = append(networks, n)
		}
	}
	return networks
}

// bridge is the network's bridge on the hypervisor.
func (w wantedLab) bridge(n testbed.Network) string {
	return cmp.Or(n.Bridge, bridgeName(w.id, n.Name))
}

func (w wantedLab) mark(thing string) mark {
	return mark{Lab: w.id, Name: w.Lab, Owner: w.Owner, Source: w.Source, Thing: thing, Builder: hold.This()}
}

func (w wantedLab) network(name string) (testbed.Network, error) {
	for _, n := range w.Networks {
		if n.Name == name {
			return n, nil
		}
	}
	return testbed.Network{}, fmt.Errorf("lab %q has no network %q", w.Lab, name)
}

// networkDigest identifies what a machine sees of a network.
func (w wantedLab) networkDigest(n testbed.Network) string {
	return digestOf(form, w.names.thing(w.Lab, n.Name), w.bridge(n), strconv.Itoa(n.MTU))
}

// members lists the machines on a network in the lab's order.
func (w wantedLab) members(network string) []provision.MachineRequest {
	var on []provision.MachineRequest
	for _, m := range w.Machines {
		if _, ok := m.NIC(network); ok {
			on = append(on, m)
		}
	}
	return on
}

// guest is a machine's configuration without its host key.
func (w wantedLab) guest(m provision.MachineRequest) (guestconfig.Config, error) {
	if m.Sealed != nil {
		return sealedGuest(m), nil
	}
	config := guestconfig.Config{
		Hostname:       m.Name,
		AuthorizedKeys: []string{w.authorized},
		Management: guestconfig.Management{
			MAC: managementMAC(w.id, m.Name), Device: "mgmt0", Address: "10.0.2.15/24",
		},
		NICs:   []guestconfig.NIC{},
		Sysctl: m.Sysctl,
		Hosts:  w.hosts(),
	}
	if m.Disk != "" {
		config.Disk = "/dev/" + diskDevice
	}
	for _, nic := range m.NICs {
		network, err := w.network(nic.Network)
		if err != nil {
			return config, err
		}
		config.NICs = append(config.NICs, guestconfig.NIC{
			MAC: nic.MAC, Device: nic.Device, Address: nic.Address.String(), MTU: network.MTU,
		})
	}
	return config, nil
}

// hosts gives each machine's name the address of its first NIC.
func (w wantedLab) hosts() map[string]string {
	hosts := map[string]string{}
	for _, m := range slices.Concat(w.Machines, w.Elsewhere) {
		if len(m.NICs) > 0 {
			hosts[m.Name] = m.NICs[0].Address.Addr().String()
		}
	}
	return hosts
}

// managementMAC is of QEMU's own range.
func managementMAC(id, machine string) string {
	sum := digestOf("management", id, machine)
	return fmt.Sprintf("52:54:00:%s:%s:%s", sum[0:2], sum[2:4], sum[4:6])
}

// machineDigest identifies all that makes a machine what it is. Left out is
// what may differ between two makings of the same machine: its host key, its
// SSH port, its paths. The names of its neighbours are left out too, as they
// are changed in a running machine.
func (w wantedLab) machineDigest(m provision.MachineRequest) (string, error) {
	config, err := w.guest(m)
	if err != nil {
		return "", err
	}
	config.Hosts = nil
	guest, err := json.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("encode the configuration of %q: %w", m.Name, err)
	}
	document, err := w.domain(m, making{})
	if err != nil {
		return "", err
	}
	text, err := encode(document)
	if err != nil {
		return "", err
	}
	parts := []string{form, m.ImageDigest, m.Setup, string(guest), text}
	for _, nic := range m.NICs {
		network, err := w.network(nic.Network)
		if err != nil {
			return "", err
		}
		parts = append(parts, w.networkDigest(network))
	}
	return digestOf(parts...), nil
}

// check refuses what no machine can be made of.
func (w wantedLab) check() error {
	for _, m := range w.Machines {
		for _, nic := range m.NICs {
			if _, err := w.network(nic.Network); err != nil {
				return fmt.Errorf("machine %q: %w", m.Name, err)
			}
			if nic.Address == (netip.Prefix{}) {
				return fmt.Errorf("machine %q: its interface on %q has no address", m.Name, nic.Network)
			}
		}
		if len(m.NICs) > sessionSlots {
			return fmt.Errorf("machine %q: %d interfaces; at most %d", m.Name, len(m.NICs), sessionSlots)
		}
	}
	return nil
}

// commandLine keeps the console quiet, as each character costs a trap, and
// turns every trouble into an end that the host sees: a machine that panics
// reboots at once, which libvirt answers by destroying it.
func commandLine(accelerator, extra string) string {
	words := []string{
		"console=ttyS0", "quiet", "net.ifnames=0",
		"panic=-1", "oops=panic", "softlockup_panic=1", "hung_task_panic=1",
	}
	if accelerator != "kvm" {
		words = append(words, emulated...)
	}
	if extra != "" {
		words = append(words, extra)
	}
	return strings.Join(words, " ")
}

// emulated is for a guest whose every instruction is emulated, on a host that
// may be busy with another such boot.
var emulated = []string{
	// Two boots starve each other's timer test, and the kernel then panics:
	// "IO-APIC + timer doesn't work".
	"no_timer_check",
	// A starved vCPU is no lockup: 120 s rather than 20, seen at load 14 on two
	// cores.
	"watchdog_thresh=60",
	// With two processors the kernel takes the TSC for unsynchronized ("max" is
	// no Intel), and on a starved host its watchdog does so with one. Then every
	// reading of the clock is a system call and a trap into the HPET. QEMU derives
	// all TSCs from one clock (cpu_get_tsc), so they are synchronized.
	"tsc=reliable",
	// Self-tests of ciphers and of the jitter entropy source: 10 to 25% of a
	// boot's CPU time, measured on Debian's 6.12. virtio-rng gives entropy.
	"cryptomgr.notests", "initcall_blacklist=jent_mod_init",
}
