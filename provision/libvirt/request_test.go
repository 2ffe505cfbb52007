package libvirt

import (
	"fmt"
	"net/netip"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/provision/hold"
	"github.com/testbed-lab/testbed/testbed"
)

const labID = "6f1d4f0c-9a53-4a43-8a0e-2f2b1a6d7c11"

// request is a lab of machines on one network, "lan".
func request(lab string, machines ...string) provision.Request {
	subnet := netip.MustParsePrefix("10.77.0.0/24")
	r := provision.Request{
		Lab: lab, Source: "/home/user/lab.hcl", Owner: "uid-0",
		Networks: []testbed.Network{{Name: "lan", Subnet: subnet, MTU: 1500}},
	}
	for i, name := range machines {
		r.Machines = append(r.Machines, provision.MachineRequest{
			Machine: testbed.Machine{
				Name: name, Image: "debian", CPUs: 1, Memory: 384 << 20,
				Sysctl: map[string]string{"net.ipv4.tcp_low_latency": "1"},
				NICs: []testbed.NIC{{
					Network: "lan", Device: "eth1", MAC: fmt.Sprintf("52:54:00:4c:00:%02x", i+1),
					Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}), 24),
				}},
			},
			Kernel: "/cache/vmlinuz", Root: "/cache/root.cpio", ImageDigest: "sha256:aaaa", Cmdline: "mitigations=off",
		})
	}
	return r
}

func wanted(connect, accelerator string, r provision.Request) wantedLab {
	e := newEndpoint(connect, "/run/user/1000/libvirt")
	w := wantedLab{
		Request: r, id: labID, names: newNamer(r.Owner, e), authorized: "ssh-ed25519 AAAA testbed",
		host: hypervisor{emulator: "/usr/bin/qemu-system-x86_64", accelerator: accelerator},
	}
	if !e.system() {
		w.sockets = "/run/user/1000/testbed/0123456789ab"
	}
	return w
}

// made is one making of a machine, as it would stand in its definition.
func made(w wantedLab, machine string) making {
	m := mark{
		Lab: w.id, Name: w.Lab, Owner: w.Owner, Source: w.Source, Thing: machine, Digest: "d1gest",
		Image: "sha256:aaaa", SSH: "127.0.0.1:40022", HostKey: "ssh-ed25519 BBBB", Log: "/pool/client.console.log",
		Networks: []string{"lan", "wan"}, Builder: hold.Process{PID: 42, Start: 4242, Boot: "b00t"},
	}
	return making{mark: m, uploads: uploads{kernel: "/pool/client.kernel.1", initrd: "/pool/client.initrd.1"}, port: 40022}
}
