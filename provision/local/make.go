package local

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/testbed-lab/testbed/guestagent/wiring"
	"github.com/testbed-lab/testbed/provision"
)

// makeMachine makes the namespace. Devices and addresses follow: they need the
// other machines.
func (j *job) makeMachine(m provision.MachineRequest) error {
	folder := j.lab.machine(m.Name)
	if err := takeMachineAway(folder); err != nil {
		return err
	}
	if err := makeSpace(folder, m.Name, wiring.LoopbackUp); err != nil {
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

// start gives a machine its sysctls and its devices their addresses, in the
// order in which a guest's init does.
func (j *job) start(m provision.MachineRequest) error {
	err := inside(j.lab.machine(m.Name), func(links *netlink.Handle) error {
		for _, nic := range m.NICs {
			wiring.Quieten(nic.Device)
		}
		if err := wiring.SetSysctls(m.Sysctl); err != nil {
			return err
		}
		for _, nic := range m.NICs {
			if err := wiring.BringUp(links, nic.Device, nic.Address.String()); err != nil {
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
				return wiring.AwaitCarrier(ctx, links, nic.Device)
			})
			if err != nil {
				return fmt.Errorf("wait for %s of %q to be up: %w", nic.Device, m.Name, err)
			}
		}
	}
	return nil
}
