package machinetest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Snapshot is all of a machine that a mode may change: links, offloads, qdiscs, addresses, routes,
// rules, sysctls, the nft ruleset, permanent neighbours, and the network
// namespaces that this process holds. One sorted line a thing, so that a
// difference reads well.
func (m *Machine) Snapshot(t testing.TB) []string {
	t.Helper()
	return m.look(t, append(m.parts(), m.sysctls))
}

func (m *Machine) parts() []func(testing.TB) []string {
	return []func(testing.TB) []string{m.links, m.offloads, m.qdiscs, m.addresses, m.routes, m.rules, m.neighbours, m.ruleset}
}

func (m *Machine) look(t testing.TB, parts []func(testing.TB) []string) []string {
	t.Helper()
	var lines []string
	for _, part := range parts {
		found := part(t)
		sort.Strings(found)
		lines = append(lines, found...)
	}
	return append(lines, namespaces(t)...)
}

// RequireUnchanged fails the test if the machine differs from an earlier
// snapshot. A thread that ends leaves its namespace shortly after whoever waited
// for it goes on, so it looks again for a second.
func (m *Machine) RequireUnchanged(t testing.TB, before []string, why ...any) {
	t.Helper()
	m.requireSame(t, before, append(m.parts(), m.sysctls), why...)
}

// RequireUnchangedButSysctls leaves out some seven hundred files, which take
// most of the time: for a test that looks often, and at all of it at its end.
func (m *Machine) RequireUnchangedButSysctls(t testing.TB, before []string, why ...any) {
	t.Helper()
	before = slices.DeleteFunc(slices.Clone(before), func(line string) bool { return strings.HasPrefix(line, "sysctl ") })
	m.requireSame(t, before, m.parts(), why...)
}

func (m *Machine) requireSame(t testing.TB, before []string, parts []func(testing.TB) []string, why ...any) {
	t.Helper()
	difference := ""
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if difference = cmp.Diff(before, m.look(t, parts)); difference == "" {
			return
		}
	}
	t.Fatalf("%s is not as it was %s:\n%s", m.Host.Name, fmt.Sprint(why...), difference)
}

func (m *Machine) links(t testing.TB) (lines []string) {
	all, err := m.Links.LinkList()
	must(t, "list links", err)
	for _, link := range all {
		a := link.Attrs()
		lines = append(lines, fmt.Sprintf("link %d %s %s flags %x mac %s mtu %d master %d promisc %d state %s alias %q",
			a.Index, a.Name, link.Type(), a.RawFlags, a.HardwareAddr, a.MTU, a.MasterIndex, a.Promisc, a.OperState, a.Alias))
	}
	return lines
}

// offloads are what is on at each device. One whose driver has none says so.
func (m *Machine) offloads(t testing.TB) (lines []string) {
	all, err := m.Links.LinkList()
	must(t, "list links", err)
	err = m.Space.Do(func() error {
		tool, err := ethtool.NewEthtool()
		if err != nil {
			return err
		}
		defer tool.Close()
		for _, link := range all {
			features, err := tool.Features(link.Attrs().Name)
			if errors.Is(err, unix.ENODEV) { // It has gone since the list: a mode is being undone.
				continue
			}
			if err != nil {
				return err
			}
			maps.DeleteFunc(features, func(_ string, on bool) bool { return !on })
			lines = append(lines, fmt.Sprintf("offloads %d %v", link.Attrs().Index, slices.Sorted(maps.Keys(features))))
		}
		return nil
	})
	must(t, "read offloads", err)
	return lines
}

func (m *Machine) qdiscs(t testing.TB) (lines []string) {
	all, err := m.Links.QdiscList(nil)
	must(t, "list qdiscs", err)
	for _, qdisc := range all {
		if qdisc.Type() == "noqueue" { // What a device without a queue gets with its first "up", and keeps.
			continue
		}
		lines = append(lines, fmt.Sprintf("qdisc %s of link %d handle %x parent %x", qdisc.Type(), qdisc.Attrs().LinkIndex, qdisc.Attrs().Handle, qdisc.Attrs().Parent))
	}
	return lines
}

func (m *Machine) addresses(t testing.TB) (lines []string) {
	all, err := m.Links.AddrList(nil, netlink.FAMILY_ALL)
	must(t, "list addresses", err)
	for _, a := range all {
		lines = append(lines, fmt.Sprintf("address %d %s label %q flags %x scope %d broadcast %v valid %d preferred %d",
			a.LinkIndex, a.IPNet, a.Label, a.Flags, a.Scope, a.Broadcast, a.ValidLft, a.PreferedLft))
	}
	return lines
}

func (m *Machine) routes(t testing.TB) (lines []string) {
	all, err := m.Links.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	must(t, "list routes", err)
	for _, route := range all {
		lines = append(lines, fmt.Sprintf("route %+v", route))
	}
	return lines
}

func (m *Machine) rules(t testing.TB) (lines []string) {
	all, err := m.Links.RuleList(netlink.FAMILY_ALL)
	must(t, "list rules", err)
	for _, rule := range all {
		lines = append(lines, fmt.Sprintf("rule %+v", rule))
	}
	return lines
}

// neighbours are those that a person made; the others come and go.
func (m *Machine) neighbours(t testing.TB) (lines []string) {
	all, err := m.Links.NeighList(0, unix.AF_UNSPEC)
	must(t, "list neighbours", err)
	for _, one := range all {
		if one.State&netlink.NUD_PERMANENT != 0 {
			lines = append(lines, fmt.Sprintf("neighbour %d %s %s state %x flags %x", one.LinkIndex, one.IP, one.HardwareAddr, one.State, one.Flags))
		}
	}
	return lines
}

func (m *Machine) sysctls(t testing.TB) (lines []string) {
	err := m.Space.Do(func() error {
		return filepath.WalkDir("/proc/sys/net", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || changesByItself(path) {
				return nil
			}
			if value, err := os.ReadFile(path); err == nil {
				lines = append(lines, "sysctl "+path+" "+strings.TrimSpace(string(value)))
			}
			return nil
		})
	})
	must(t, "read sysctls", err)
	return lines
}

// changesByItself: conntrack's sysctls come with its module, in all namespaces,
// and it stays loaded.
func changesByItself(path string) bool {
	for _, part := range []string{"/nf_conntrack_", "/nf_flowtable_", "tcp_fastopen_key", "stable_secret"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

func (m *Machine) ruleset(t testing.TB) (lines []string) {
	conn, err := nftables.New(nftables.WithNetNSFd(m.Space.FD()))
	must(t, "open nftables socket", err)
	tables, err := conn.ListTables()
	must(t, "list nft tables", err)
	for _, table := range tables {
		lines = append(lines, fmt.Sprintf("nft table %d %s flags %x", table.Family, table.Name, table.Flags))
	}
	chains, err := conn.ListChains()
	must(t, "list nft chains", err)
	for _, chain := range chains {
		rules, err := conn.GetRules(chain.Table, chain)
		must(t, "list nft rules", err)
		lines = append(lines, fmt.Sprintf("nft chain %s %s %s hook %v priority %v policy %v, %d rules",
			chain.Table.Name, chain.Name, chain.Type, value(chain.Hooknum), value(chain.Priority), value(chain.Policy), len(rules)))
	}
	return lines
}

// value of a pointer, whose address says nothing.
func value[T any](p *T) any {
	if p == nil {
		return "none"
	}
	return *p
}

// namespaces lists those that this process has a descriptor of or a thread in.
// The kernel's own list is not asked: it removes one some time after the last use.
func namespaces(t testing.TB) (lines []string) {
	seen := make(map[string]bool)
	for _, pattern := range []string{"/proc/self/fd/*", "/proc/self/task/*/ns/net"} {
		paths, err := filepath.Glob(pattern)
		must(t, "list namespaces", err)
		for _, path := range paths {
			if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "net:") {
				seen[target] = true
			}
		}
	}
	for target := range seen {
		lines = append(lines, "namespace "+target)
	}
	sort.Strings(lines)
	return lines
}
