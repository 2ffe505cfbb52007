package libvirt

import (
	"fmt"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// Slots of the root bus for what QEMU gets past libvirt. libvirt fills the bus
// from 0x01 up with root ports and has 0x1d to 0x1f for its own.
const (
	managementSlot = 0x10
	sessionSlot    = 0x11
	sessionSlots   = 8
	diskDevice     = "vda"
)

// making is what differs each time the same machine is made.
type making struct {
	mark mark
	uploads
	port int // Of 127.0.0.1, forwarded to the machine's SSH.
}

// domain is a machine as libvirt gets it: q35, direct kernel boot, no USB,
// no video, no balloon. Everything that is not needed would be probed at
// boot and could interrupt a measurement.
func (w wantedLab) domain(m provision.MachineRequest, made making) (domainXML, error) {
	d := domainXML{
		Type:     w.host.domainType(),
		QEMU:     qemuNamespace,
		Name:     w.names.thing(w.Lab, m.Name),
		UUID:     derivedUUID(w.id, "machine", m.Name),
		Metadata: metadataXML{Mark: made.mark.element()},
		Memory:   memoryXML{Unit: "KiB", Value: m.Memory / 1024},
		VCPU:     m.CPUs,
		CPU:      cpuXML{Mode: "maximum"},
		Clock:    clockXML{Offset: "utc"},
		PowerOff: "destroy", Reboot: "destroy", Crash: "destroy",
	}
	if w.host.accelerator == "kvm" {
		d.CPU = cpuXML{Mode: "host-passthrough", Migratable: "off"}
	}
	d.OS.Type.Arch, d.OS.Type.Machine, d.OS.Type.Value = "x86_64", "q35", "hvm"
	d.OS.Kernel, d.OS.Initrd = made.kernel, made.initrd
	d.OS.Cmdline = commandLine(w.host.accelerator, m.Cmdline)
	d.Devices = w.devices(made)
	if m.Disk != "" {
		d.Devices.Disks = []diskXML{readOnlyDisk(made.disk)}
	}
	if err := w.connect(&d, m); err != nil {
		return d, err
	}
	d.Args = append(managementArgs(managementMAC(w.id, m.Name), made.port), d.Args...)
	if m.Sealed != nil {
		w.seal(&d, m, made)
	}
	return d, nil
}

func (w wantedLab) devices(made making) devicesXML {
	port := serialPortXML{Type: "isa-serial"}
	d := devicesXML{
		Emulator:    w.host.emulator,
		Controllers: []controllerXML{{Type: "usb", Model: "none"}},
		Serials:     []serialXML{{Type: "pty", Log: &logXML{File: made.mark.Log, Append: "off"}, Target: port}},
		Consoles:    []consoleXML{{Type: "pty", Target: serialPortXML{Type: "serial"}}},
		Balloon:     modelXML{Model: "none"},
		RNG:         &rngXML{Model: "virtio"},
	}
	d.RNG.Backend.Model, d.RNG.Backend.Value = "random", "/dev/urandom"
	return d
}

// readOnlyDisk is one that the guest cannot write to, and mounts over its root.
func readOnlyDisk(file string) diskXML {
	d := diskXML{Type: "file", Device: "disk", Source: fileXML{File: file}, ReadOnly: &struct{}{}}
	d.Driver.Name, d.Driver.Type = "qemu", "raw"
	d.Target.Device, d.Target.Bus = diskDevice, "virtio"
	return d
}

// connect adds the measured interfaces: through libvirt's networks where it may
// make bridges (it then uses vhost where the host has it), else through QEMU.
func (w wantedLab) connect(d *domainXML, m provision.MachineRequest) error {
	for i, nic := range m.NICs {
		network, err := w.network(nic.Network)
		if err != nil {
			return err
		}
		if w.backendNetworks() {
			d.Devices.Interfaces = append(d.Devices.Interfaces, interfaceXML{
				Type: segmentType(network), MAC: macXML{Address: nic.MAC}, Model: typeXML{Type: "virtio"},
				Source: w.segment(network), MTU: &sizeXML{Size: network.MTU},
			})
			continue
		}
		for _, arg := range w.sessionNIC(i, m.Name, nic, network.MTU) {
			d.Args = append(d.Args, qemuArgXML{arg})
		}
	}
	return nil
}

// segment is what an interface is plugged into: a network that we make, or a bridge
// that exists.
func (w wantedLab) segment(n testbed.Network) netRefXML {
	if n.Bridge != "" {
		return netRefXML{Bridge: n.Bridge}
	}
	return netRefXML{Network: w.names.thing(w.Lab, n.Name)}
}

func segmentType(n testbed.Network) string {
	if n.Bridge != "" {
		return "bridge"
	}
	return "network"
}

// managementArgs make the interface that carries SSH: user-mode, so it needs no
// DHCP, firewall rule or subnet, and silent while a block runs (restrict=on;
// with IPv6 it would send router advertisements).
func managementArgs(mac string, port int) []qemuArgXML {
	return []qemuArgXML{
		{"-netdev"},
		{fmt.Sprintf("user,id=mgmt,ipv6=off,restrict=on,hostfwd=tcp:127.0.0.1:%d-:22", port)},
		{"-device"},
		{fmt.Sprintf("virtio-net-pci,netdev=mgmt,mac=%s,bus=pcie.0,addr=0x%x", mac, managementSlot)},
	}
}
