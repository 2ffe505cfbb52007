package netmode

import (
	"fmt"
	"os"
	"strings"
)

// setSysctl is a step that changes a sysctl of the machine and puts the old
// value back. A value that is there already is left alone.
func (b *build) setSysctl(key, value string) step {
	var old string
	return step{
		name: "set " + key,
		do: func() error {
			return b.machine.space.Do(func() (err error) {
				if old, err = readSysctl(key); err != nil || old == value {
					return err
				}
				b.note("sysctl %s %s → %s", strings.ReplaceAll(key, "/", "."), old, value)
				return writeSysctl(key, value)
			})
		},
		undo: func() error {
			if old == value {
				return nil
			}
			return b.machine.space.Do(func() error { return writeSysctl(key, old) })
		},
	}
}

// keepSysctl is a step that changes nothing, and puts back what a driver changed.
func (b *build) keepSysctl(key string) step {
	var old string
	return step{
		name: "remember " + key,
		do: func() error {
			return b.machine.space.Do(func() (err error) {
				old, err = readSysctl(key)
				return err
			})
		},
		undo: func() error { return b.machine.space.Do(func() error { return writeSysctl(key, old) }) },
	}
}

// deviceSysctls is a step that sets sysctls of a device of ours, which go with it.
func (b *build) deviceSysctls(device string, pairs ...[2]string) step {
	return step{name: "set sysctls of " + device, do: func() error {
		return b.machine.space.Do(func() error {
			for _, pair := range pairs {
				if err := writeSysctl(fmt.Sprintf(pair[0], device), pair[1]); err != nil {
					return err
				}
			}
			return nil
		})
	}}
}

// forward makes packets that enter through a device of the machine eligible for
// forwarding. net.ipv4.ip_forward would do so for all devices, reset each one's
// own setting and accept_redirects besides, and so could not be put back by
// writing its old value; the kernel asks only the receiving device
// (ip_route_input_slow, IN_DEV_FORWARD).
func (b *build) forward(device string) step {
	return b.setSysctl(forwarding(device), "1")
}

// forwardDevice is the same for a device of ours, with which the setting goes.
func (b *build) forwardDevice(device string) step {
	return b.deviceSysctls(device, [2]string{"net/ipv4/conf/%s/forwarding", "1"})
}

func forwarding(device string) string { return "net/ipv4/conf/" + device + "/forwarding" }

// write sets a sysctl in the machine's namespace, if the kernel has it.
func (b *build) write(key, value string) error {
	return b.machine.space.Do(func() error { return writeIfThere(key, value) })
}

func readSysctl(key string) (string, error) {
	value, err := os.ReadFile("/proc/sys/" + key)
	return strings.TrimSpace(string(value)), err
}

func writeSysctl(key, value string) error {
	return os.WriteFile("/proc/sys/"+key, []byte(value), 0)
}
