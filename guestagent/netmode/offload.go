package netmode

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/safchain/ethtool"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// fixedError says that a driver does not let a setting be changed, or why else a
// device has no room for it.
type fixedError struct{ device, driver, what, why string }

func (e *fixedError) Error() string {
	why := e.why
	if why == "" {
		why = "its driver (" + e.driver + ") does not let it be changed"
	}
	return fmt.Sprintf("%s cannot be set on %s: %s", e.what, e.device, why)
}

func (e *fixedError) Is(target error) bool { return target == ErrUnsupported }

// features are offloads by the kernel's names (net/ethtool/common.c,
// netdev_features_strings).
func features(t proto.Tuning) map[string]bool {
	wanted := map[string]bool{}
	for name, value := range map[string]*bool{"rx-gro": t.GRO, "tx-tcp-segmentation": t.TSO, "rx-checksum": t.RxChecksum} {
		if value != nil {
			wanted[name] = *value
		}
	}
	return wanted
}

// setFeatures changes offloads and reads them back, for a driver that holds one
// fixed refuses without an error.
func (d device) setFeatures(wanted map[string]bool) step {
	before := map[string]bool{}
	s := step{name: "set offloads of " + d.name, do: func() error {
		return d.withEthtool(func(tool *ethtool.Ethtool) error {
			had, err := tool.Features(d.name)
			if err != nil {
				return fmt.Errorf("read offloads of %s: %w", d.name, err)
			}
			for name := range wanted {
				before[name] = had[name]
			}
			if err := d.change(tool, wanted); err != nil {
				// One that is held fixed may stand beside others that were changed.
				return errors.Join(err, d.change(tool, before))
			}
			for _, name := range slices.Sorted(maps.Keys(wanted)) {
				d.owner.note("%s %s %s", d.name, name, onOff(wanted[name]))
			}
			return nil
		})
	}}
	if d.keep {
		s.undo = func() error {
			return d.withEthtool(func(tool *ethtool.Ethtool) error { return d.change(tool, before) })
		}
	}
	return s
}

func (d device) withEthtool(f func(*ethtool.Ethtool) error) error {
	return d.do(func() error {
		tool, err := ethtool.NewEthtool()
		if err != nil {
			return fmt.Errorf("open ethtool socket: %w", err)
		}
		defer tool.Close()
		return f(tool)
	})
}

func (d device) change(tool *ethtool.Ethtool, wanted map[string]bool) error {
	if err := tool.Change(d.name, wanted); err != nil {
		return fmt.Errorf("set offloads of %s: %w", d.name, err)
	}
	now, err := tool.Features(d.name)
	if err != nil {
		return fmt.Errorf("read offloads of %s back: %w", d.name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if now[name] != wanted[name] {
			driver, _ := tool.DriverName(d.name)
			return &fixedError{device: d.name, driver: driver, what: name + " " + onOff(wanted[name])}
		}
	}
	return nil
}

func onOff(is bool) string {
	if is {
		return "on"
	}
	return "off"
}
