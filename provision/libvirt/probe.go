package libvirt

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// probe asks for a domain, a network and a pool: with modular daemons each kind
// is served by a daemon of its own, which may not run.
func (d *dialer) probe(ctx context.Context) error {
	if err := d.call(ctx, "list domains", func(l *golibvirt.Libvirt) error {
		_, _, err := l.ConnectListAllDomains(0, 0)
		return err
	}); err != nil {
		return err
	}
	if err := d.call(ctx, "list storage pools", func(l *golibvirt.Libvirt) error {
		_, _, err := l.ConnectListAllStoragePools(0, 0)
		return err
	}); err != nil {
		return fmt.Errorf("%w; the storage driver is served by virtstoraged: %s", err, d.endpoint.start())
	}
	if !d.endpoint.system() {
		return nil // A session's networks are QEMU's own; see sessionNIC.
	}
	if err := d.call(ctx, "list networks", func(l *golibvirt.Libvirt) error {
		_, _, err := l.ConnectListAllNetworks(0, 0)
		return err
	}); err != nil {
		return fmt.Errorf("%w; the network driver is served by virtnetworkd: %s", err, d.endpoint.start())
	}
	return nil
}

// hypervisor is what libvirt says it can run.
type hypervisor struct {
	emulator    string
	machine     string // Such as pc-q35-10.0.
	accelerator string // kvm or tcg.
	qemu        version
	libvirt     version
}

// domainType is libvirt's word for the accelerator.
func (h hypervisor) domainType() string {
	if h.accelerator == "kvm" {
		return "kvm"
	}
	return "qemu"
}

// version is major, minor and micro as libvirt packs them.
type version uint64

func (v version) String() string {
	return fmt.Sprintf("%d.%d.%d", v/1000000, v/1000%1000, v%1000)
}

func (v version) major() int { return int(v / 1000000) }

// minimumTCG is QEMU's first major version that did not corrupt the memory of
// recent guests under TCG: 7.2 oopsed 6.12 guests in 7 of 51 boots, 10.0 in
// none of 25 and in minutes of load.
const minimumTCG = 10

func (h hypervisor) check() error {
	if h.accelerator != "kvm" && h.qemu.major() < minimumTCG {
		return fmt.Errorf("use QEMU %s: where it emulates (TCG) it corrupts the memory of recent guests; install QEMU %d or newer: scripts/setup does it (on Debian 12 from bookworm-backports: apt-get install -t bookworm-backports qemu-system-x86)",
			h.qemu, minimumTCG)
	}
	return nil
}

// accelerators are those to be tried, the best first. KVM is none where emulation is
// wanted.
func accelerators(virtualizes, emulated bool) []string {
	if emulated || !virtualizes {
		return []string{"tcg"}
	}
	return []string{"kvm", "tcg"}
}

// discover asks libvirt, rather than looking for /dev/kvm, as it is the daemon
// and QEMU's user that must be able to open it.
func (d *dialer) discover(ctx context.Context, emulated bool) (hypervisor, error) {
	h, err := choose(accelerators(d.endpoint.site.About().Virtualizes, emulated), func(domainType string) (document string, err error) {
		err = d.call(ctx, "ask libvirt what it can run", func(l *golibvirt.Libvirt) error {
			document, err = l.ConnectGetDomainCapabilities(nil, golibvirt.OptString{"x86_64"},
				golibvirt.OptString{"q35"}, golibvirt.OptString{domainType}, 0)
			return err
		})
		return document, err
	})
	if err != nil {
		return h, err
	}
	return h, d.versions(ctx, &h)
}

// choose is the first accelerator that libvirt does not refuse. ask is for its
// capabilities with one.
func choose(accelerators []string, ask func(domainType string) (string, error)) (h hypervisor, err error) {
	for _, accelerator := range accelerators {
		h = hypervisor{accelerator: accelerator}
		document, err := ask(h.domainType())
		switch {
		case err == nil:
			return h, h.decode(document)
		case refused(err) && accelerator == "kvm":
			continue
		case refused(err):
			return h, fmt.Errorf("%w; no guest can be emulated: is qemu-system-x86 installed, and one that was built with TCG? scripts/setup installs Debian's, which is", err)
		}
		return h, fmt.Errorf("%w; is qemu-system-x86 installed? scripts/setup installs it", err)
	}
	return h, errors.New("ask libvirt what it can run: no answer fits")
}

// refused says whether libvirt answered that it lacks the accelerator.
func refused(err error) bool {
	return hasCode(err, golibvirt.ErrInvalidArg, golibvirt.ErrConfigUnsupported,
		golibvirt.ErrNoSupport, golibvirt.ErrOperationUnsupported)
}

func (h *hypervisor) decode(document string) error {
	var capabilities struct {
		Path    string `xml:"path"`
		Machine string `xml:"machine"`
	}
	if err := xml.Unmarshal([]byte(document), &capabilities); err != nil {
		return fmt.Errorf("decode libvirt's domain capabilities: %w", err)
	}
	h.emulator, h.machine = capabilities.Path, capabilities.Machine
	return nil
}

func (d *dialer) versions(ctx context.Context, h *hypervisor) error {
	return d.call(ctx, "ask for versions", func(l *golibvirt.Libvirt) error {
		qemu, err := l.ConnectGetVersion()
		if err != nil {
			return err
		}
		lib, err := l.ConnectGetLibVersion()
		h.qemu, h.libvirt = version(qemu), version(lib)
		return err
	})
}
