package libvirt

import (
	"context"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// seenDomain is a machine of ours, as libvirt has it.
type seenDomain struct {
	mark
	domain      golibvirt.Domain
	state       golibvirt.DomainState
	reason      int32
	ready, kept bool
	uploads     // What it boots.
}

func (s seenDomain) running() bool { return s.state == golibvirt.DomainRunning }

// alive says whether the machine belongs to a running lab; see the package's
// documentation.
func (s seenDomain) alive() bool {
	return s.running() && s.kept || s.Builder.Alive()
}

// stateName is virsh's word for a domain's state.
func stateName(s golibvirt.DomainState) string {
	names := map[golibvirt.DomainState]string{
		golibvirt.DomainRunning: "running", golibvirt.DomainBlocked: "blocked",
		golibvirt.DomainPaused: "paused", golibvirt.DomainShutdown: "shutting down",
		golibvirt.DomainShutoff: "shut off", golibvirt.DomainCrashed: "crashed",
		golibvirt.DomainPmsuspended: "suspended",
	}
	if name, ok := names[s]; ok {
		return name
	}
	return "unknown"
}

// seenNetwork is a segment of ours, as libvirt has it.
type seenNetwork struct {
	mark
	network golibvirt.Network
	bridge  string
	active  bool
}

type seenPool struct {
	pool   golibvirt.StoragePool
	lab    string // UUID.
	active bool   // After a reboot it is not.
}

// seen is everything of this owner on this connection.
type seen struct {
	domains  []seenDomain
	networks []seenNetwork
	pools    []seenPool
}

func (b *Backend) observe(ctx context.Context) (seen, error) {
	var s seen
	var err error
	if s.domains, err = b.domains(ctx); err != nil {
		return s, err
	}
	if s.networks, err = b.networks(ctx); err != nil {
		return s, err
	}
	s.pools, err = b.pools(ctx)
	return s, err
}

func (b *Backend) domains(ctx context.Context) ([]seenDomain, error) {
	var ours []seenDomain
	err := b.dialer.call(ctx, "list domains", func(l *golibvirt.Libvirt) error {
		ours = nil
		all, _, err := l.ConnectListAllDomains(1, 0)
		if err != nil {
			return err
		}
		for _, domain := range all {
			s, mine, err := b.describeDomain(l, domain)
			if gone(err) != nil {
				return err
			}
			if mine {
				ours = append(ours, s)
			}
		}
		return nil
	})
	return ours, err
}

func (b *Backend) describeDomain(l *golibvirt.Libvirt, domain golibvirt.Domain) (s seenDomain, mine bool, err error) {
	text, err := l.DomainGetXMLDesc(domain, 0)
	if err != nil {
		return s, false, err
	}
	d, m, marked, err := parseMark(text)
	if err != nil || !marked || m.Owner != b.names.owner {
		return s, false, err
	}
	state, reason, err := l.DomainGetState(domain, 0)
	if err != nil {
		return s, false, err
	}
	s = seenDomain{
		mark: m, domain: domain, state: golibvirt.DomainState(state), reason: reason,
		uploads: d.boots(),
	}
	if st := d.Metadata.State; st != nil {
		s.ready, s.kept = st.Ready, st.Kept
	}
	return s, true, nil
}

func (b *Backend) networks(ctx context.Context) ([]seenNetwork, error) {
	if !b.dialer.endpoint.system() {
		return nil, nil
	}
	var ours []seenNetwork
	err := b.dialer.call(ctx, "list networks", func(l *golibvirt.Libvirt) error {
		ours = nil
		all, _, err := l.ConnectListAllNetworks(1, 0)
		if err != nil {
			return err
		}
		for _, network := range all {
			text, err := l.NetworkGetXMLDesc(network, 0)
			if gone(err) != nil {
				return err
			}
			if err != nil {
				continue
			}
			d, m, marked, err := parseMark(text)
			if err != nil {
				return err
			}
			if !marked || m.Owner != b.names.owner {
				continue
			}
			active, err := l.NetworkIsActive(network)
			if gone(err) != nil {
				return err
			}
			ours = append(ours, seenNetwork{mark: m, network: network, bridge: d.Bridge.Name, active: active != 0})
		}
		return nil
	})
	return ours, err
}

func (b *Backend) pools(ctx context.Context) ([]seenPool, error) {
	var ours []seenPool
	err := b.dialer.call(ctx, "list storage pools", func(l *golibvirt.Libvirt) error {
		ours = nil
		all, _, err := l.ConnectListAllStoragePools(1, 0)
		if err != nil {
			return err
		}
		for _, pool := range all {
			lab, mine := b.names.poolLab(pool.Name)
			if !mine {
				continue
			}
			active, err := l.StoragePoolIsActive(pool)
			if gone(err) != nil {
				return err
			}
			ours = append(ours, seenPool{pool: pool, lab: lab, active: active != 0})
		}
		return nil
	})
	return ours, err
}

// of keeps what belongs to the lab of that name. Pools have no name in them;
// they are found by the UUIDs of the rest and by also.
func (s seen) of(lab, also string) seen {
	ids := map[string]bool{also: also != ""}
	var part seen
	for _, d := range s.domains {
		if d.Name == lab {
			part.domains = append(part.domains, d)
			ids[d.Lab] = true
		}
	}
	for _, n := range s.networks {
		if n.Name == lab {
			part.networks = append(part.networks, n)
			ids[n.Lab] = true
		}
	}
	for _, p := range s.pools {
		if ids[p.lab] {
			part.pools = append(part.pools, p)
		}
	}
	return part
}

// id is the UUID that the lab's things carry, or empty.
func (s seen) id() string {
	for _, d := range s.domains {
		return d.Lab
	}
	for _, n := range s.networks {
		return n.Lab
	}
	return ""
}

// source is the lab file that the lab's things were made from, or empty.
func (s seen) source() string {
	for _, d := range s.domains {
		return d.Source
	}
	for _, n := range s.networks {
		return n.Source
	}
	return ""
}

func (s seen) domain(machine string) (seenDomain, bool) {
	for _, d := range s.domains {
		if d.Thing == machine {
			return d, true
		}
	}
	return seenDomain{}, false
}

func (s seen) network(name string) (seenNetwork, bool) {
	for _, n := range s.networks {
		if n.Thing == name {
			return n, true
		}
	}
	return seenNetwork{}, false
}
