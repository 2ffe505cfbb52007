package libvirt

import (
	"context"
	"fmt"
	"strings"
	"sync"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/testbed"
)

// fileSet is what machines boot, by machine.
type fileSet struct {
	mu  sync.Mutex
	set map[string]prepared
}

// prepared is a machine whose files are uploaded.
type prepared struct {
	uploads
	hostKey string // Public line.
}

func (f *fileSet) put(machine string, p prepared) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		f.set = map[string]prepared{}
	}
	f.set[machine] = p
}

func (f *fileSet) get(machine string) (prepared, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.set[machine]
	return p, ok
}

// finish is the end of an up: the machines outlive this process from now on,
// unless they are to go with it.
func (b *Backend) finish(ctx context.Context, want provision.Request) error {
	if want.Ephemeral {
		return nil // The lock too is held for as long as this process works on the lab.
	}
	if err := b.Keep(ctx, want.Lab); err != nil {
		return err
	}
	b.letGo(want.Lab)
	return nil
}

// Keep says in the metadata of a lab's machines that they are to outlive this
// process.
func (b *Backend) Keep(ctx context.Context, lab string) error {
	domains, err := b.domains(ctx)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if d.Name != lab || d.kept || !d.running() {
			continue
		}
		if err := b.setState(ctx, d.domain, stateXML{Ready: d.ready, Kept: true}); err != nil {
			return err
		}
	}
	return nil
}

// setState writes what was learnt of a machine into its metadata, both of the
// running domain and of its definition.
func (b *Backend) setState(ctx context.Context, domain golibvirt.Domain, s stateXML) error {
	text, err := encode(s)
	if err != nil {
		return err
	}
	return b.dialer.call(ctx, fmt.Sprintf("mark domain %q", domain.Name), func(l *golibvirt.Libvirt) error {
		return l.DomainSetMetadata(domain, int32(golibvirt.DomainMetadataElement),
			golibvirt.OptString{text}, golibvirt.OptString{"state"}, golibvirt.OptString{stateNamespace},
			golibvirt.DomainAffectLive|golibvirt.DomainAffectConfig)
	})
}

func (b *Backend) domainExists(ctx context.Context, name string) (there bool, err error) {
	err = b.dialer.call(ctx, fmt.Sprintf("look up domain %q", name), func(l *golibvirt.Libvirt) error {
		_, err := l.DomainLookupByName(name)
		there = err == nil
		return gone(err)
	})
	return there, err
}

// makeNetwork makes a transient network: defining one does not start it, and a
// transient one is there whole or not at all.
func (j *job) makeNetwork(ctx context.Context, n testbed.Network) error {
	if old, ok := j.seen.network(n.Name); ok {
		if err := j.b.removeNetwork(ctx, old.network); err != nil {
			return err
		}
	}
	m := j.want.mark(n.Name)
	m.Digest = j.want.networkDigest(n)
	bridge := bridgeName(j.want.id, n.Name)
	document, err := encode(networkDocument(j.want.names.thing(j.want.Lab, n.Name), bridge, n.MTU, m))
	if err != nil {
		return err
	}
	err = j.b.dialer.call(ctx, fmt.Sprintf("make network %q", n.Name), func(l *golibvirt.Libvirt) error {
		_, err := l.NetworkCreateXML(document)
		return err
	})
	if err != nil {
		j.b.abandonNetwork(ctx, j.want.id, n.Name)
		if strings.Contains(err.Error(), "already in use") {
			return fmt.Errorf("%w; testbed gc removes what a crash has left", err)
		}
		return err
	}
	j.b.site().Alias(ctx, bridge, j.b.names.bridgeAlias(j.want.id))
	return nil
}

// abandonNetwork removes one whose making was cut short: the daemon may have
// finished it after we stopped listening.
func (b *Backend) abandonNetwork(ctx context.Context, id, name string) {
	ctx, cancel := undo(ctx)
	defer cancel()
	networks, _ := b.networks(ctx)
	for _, n := range networks {
		if n.Lab == id && n.Thing == name {
			b.removeNetwork(ctx, n.network)
		}
	}
}

func (b *Backend) removeMachineStep(stage int, d seenDomain, why string) provision.Step {
	return provision.Step{Stage: stage, Name: "remove " + d.Thing, Action: provision.Remove, Why: why,
		Do: func(ctx context.Context) error {
			if err := b.removeDomain(ctx, d.domain); err != nil {
				return err
			}
			return b.dropVolumes(ctx, d.Lab, d.Thing)
		}}
}

func (b *Backend) removeNetworkStep(stage int, n seenNetwork, why string) provision.Step {
	return provision.Step{Stage: stage, Name: "remove network " + n.Thing, Action: provision.Remove, Why: why,
		Do: func(ctx context.Context) error { return b.removeNetwork(ctx, n.network) }}
}
