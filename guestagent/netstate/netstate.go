// Package netstate lists what is in a network namespace, as ip -d -j, nft list ruleset
// and bpftool would, but without these programs, which a machine may lack. It changes
// nothing, and judges nothing.
//
// Invariant: what cannot be listed stands with the reason in its place.
package netstate

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/namespace"
)

// Of lists links, addresses, routes, neighbours, qdiscs, nft tables and the number of
// tracked connections of a namespace.
func Of(space *namespace.Namespace) map[string]any {
	found := map[string]any{"nft": listed(func() ([]any, error) { return ruleset(space) }), "conntrack_count": tracked(space)}
	handle, err := netlink.NewHandleAt(netns.NsHandle(space.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		found["links"] = err.Error()
		return found
	}
	defer handle.Close()
	found["links"] = listed(func() ([]any, error) { return links(handle) })
	found["addresses"] = listed(func() ([]any, error) { return each(handle.AddrList(nil, unix.AF_UNSPEC)) })
	found["routes"] = listed(func() ([]any, error) { return routes(handle) })
	found["neighbours"] = listed(func() ([]any, error) { return each(handle.NeighList(0, unix.AF_UNSPEC)) })
	found["qdiscs"] = listed(func() ([]any, error) { return each(handle.QdiscList(nil)) })
	return found
}

// Programs are the BPF programs of the whole kernel.
func Programs() any {
	return listed(func() (all []any, err error) {
		for id, err := ebpf.ProgramGetNextID(0); ; id, err = ebpf.ProgramGetNextID(id) {
			if errors.Is(err, os.ErrNotExist) {
				return all, nil
			}
			if err != nil {
				return nil, err
			}
			if program, err := programOf(id); err == nil { // It may have gone meanwhile.
				all = append(all, program)
			}
		}
	})
}

func programOf(id ebpf.ProgramID) (map[string]any, error) {
	program, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	info, err := program.Info()
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": id, "type": info.Type.String(), "name": info.Name, "tag": info.Tag}, nil
}

// listed is a list that is there also when empty, or why there is none.
func listed(list func() ([]any, error)) any {
	all, err := list()
	if err != nil {
		return err.Error()
	}
	return append([]any{}, all...)
}

// each makes plain data of what the kernel listed.
func each[T any](all []T, err error) (found []any, _ error) {
	for _, one := range all {
		found = append(found, plain(one))
	}
	return found, err
}

func links(handle *netlink.Handle) (found []any, err error) {
	all, err := handle.LinkList()
	for _, link := range all {
		described, _ := plain(link).(map[string]any)
		described["kind"] = link.Type()
		found = append(found, described)
	}
	return found, err
}

// routes are those of all tables.
func routes(handle *netlink.Handle) ([]any, error) {
	return each(handle.RouteListFiltered(unix.AF_UNSPEC, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE))
}

// ruleset has each chain with the expressions of its rules.
func ruleset(space *namespace.Namespace) (found []any, err error) {
	conn, err := nftables.New(nftables.WithNetNSFd(space.FD()))
	if err != nil {
		return nil, err
	}
	chains, err := conn.ListChains()
	if err != nil {
		return nil, err
	}
	for _, chain := range chains {
		rules, err := conn.GetRules(chain.Table, chain)
		if err != nil {
			return nil, err
		}
		described, _ := plain(*chain).(map[string]any)
		texts := []any{}
		for _, rule := range rules {
			texts = append(texts, named(rule.Exprs))
		}
		described["rules"] = texts
		found = append(found, described)
	}
	return found, nil
}

// tracked is how many connections the namespace knows; nil in a kernel that tracks none.
func tracked(space *namespace.Namespace) (count any) {
	_ = space.Do(func() error { // Without an answer there is none.
		text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		if n, wrong := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && wrong == nil {
			count = n
		}
		return nil
	})
	return count
}
