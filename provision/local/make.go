package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/provision"
)

// makeMachine makes the namespace. Devices and addresses follow: they need the
// other machines.
func (j *job) makeMachine(m provision.MachineRequest) error {
	folder := j.lab.machine(m.Name)
	if err := takeMachineAway(folder); err != nil {
		return err
	}
	if err := makeSpace(folder, m.Name, loopbackUp); err != nil {
		return err
	}
	return j.mark(m, false)
}

func (j *job) mark(m provision.MachineRequest, ready bool) error {
	mark := machineMark{Digest: machineDigest(m.Machine), CPUs: j.cpus[m.Name], Ready: ready}
	for _, nic := range m.NICs {
		mark.Networks = append(mark.Networks, nic.Network)
	}
	return j.lab.write(filepath.Join("machines", m.Name, markFile), mark)
}

func loopbackUp() error {
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open a netlink socket: %w", err)
	}
	defer links.Close()
	lo, err := links.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := links.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}

// start gives a machine its sysctls and its devices their addresses, in the
// order in which a guest's init does.
func (j *job) start(m provision.MachineRequest) error {
	err := inside(j.lab.machine(m.Name), func(links *netlink.Handle) error {
		for _, nic := range m.NICs {
			quieten(nic.Device)
		}
		if err := setSysctls(m.Sysctl); err != nil {
			return err
		}
		for _, nic := range m.NICs {
			if err := bringUp(links, nic.Device, nic.Address.String()); err != nil {
				return fmt.Errorf("set up interface %q: %w", nic.Device, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return j.mark(m, true)
}

// quieten keeps the kernel from looking for IPv6 routers, as in a guest. A
// kernel without IPv6 has nothing to quieten.
func quieten(device string) {
	for _, setting := range []string{"accept_ra", "router_solicitations"} {
		_ = writeSysctl("net/ipv6/conf/"+device+"/"+setting, "0")
	}
}

func bringUp(links *netlink.Handle, device, address string) error {
	link, err := links.LinkByName(device)
	if err != nil {
		return fmt.Errorf("find it: %w", err)
	}
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("read address %q: %w", address, err)
	}
	if err := links.AddrReplace(link, parsed); err != nil {
		return fmt.Errorf("add address %q: %w", address, err)
	}
	if err := links.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

// setSysctls writes settings in the calling thread's namespace. A setting that
// is not the namespace's own is not there, or not writable there.
func setSysctls(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		err := writeSysctl(sysctlPath(name), settings[name])
		switch {
		case errors.Is(err, fs.ErrNotExist) && hostHas(sysctlPath(name)), errors.Is(err, fs.ErrPermission):
			return wholeKernel(name)
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("set sysctl %q: %w", name, errNoSuchSysctl)
		case err != nil:
			return fmt.Errorf("set sysctl %q to %q: %w", name, settings[name], err)
		}
	}
	return nil
}

// hostHas looks in the namespace that this process was started in.
func hostHas(path string) bool {
	has := make(chan bool, 1)
	go func() { // Off the calling thread, which is in another.
		_, err := os.Stat("/proc/sys/" + path)
		has <- err == nil
	}()
	return <-has
}

// sysctlPath turns a name into a path as sysctl(8) does: dots separate, unless
// a slash comes first, where dots are part of a name (eth1.100).
func sysctlPath(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return filepath.Clean("/" + name)[1:]
	}
	return filepath.Clean("/" + strings.NewReplacer(".", "/", "/", ".").Replace(name))[1:]
}

func writeSysctl(path, value string) error {
	file, err := os.OpenFile("/proc/sys/"+path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value + "\n")
	return errors.Join(err, file.Close())
}

// carrierTimeout is far more than the kernel takes to notice that both ends of
// a wire are up, which follows in its own time.
const carrierTimeout = 10 * time.Second

// awaitCarriers waits until every device can send.
func (j *job) awaitCarriers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, carrierTimeout)
	defer cancel()
	for _, m := range j.want.Machines {
		for _, nic := range m.NICs {
			err := inside(j.lab.machine(m.Name), func(links *netlink.Handle) error {
				return awaitCarrier(ctx, links, nic.Device)
			})
			if err != nil {
				return fmt.Errorf("wait for %s of %q to be up: %w", nic.Device, m.Name, err)
			}
		}
	}
	return nil
}

func awaitCarrier(ctx context.Context, links *netlink.Handle, device string) error {
	for {
		link, err := links.LinkByName(device)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}
