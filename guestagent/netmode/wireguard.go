package netmode

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"

	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

const wireguardPort = 51820

// wireguardRouted is a routed veth whose way to the other machine is encrypted.
func (b *build) wireguardRouted() []step {
	pair, tunnel := b.outerEnd(), b.name(tunnelPrefix)
	container := b.spec.Self.Overlay.Addr()
	return []step{
		b.containerSpace(),
		b.tunnel(),
		b.configureWireguard(),
		b.keepRedirects(),
		b.forwardDevice(tunnel),
		b.linkUp(tunnel),
		b.pair(),
		b.proxy(pair),
		b.gatewayRoute(),
		b.linkUp(pair),
		b.bringUp(),
		b.address(single(container)),
		b.defaultRoute(routedGateway),
		b.containerRoute(pair, container),
		b.containerRoute(tunnel, b.spec.Peer.Overlay.Addr()),
		b.operational(pair, tunnel),
	}
}

// keepRedirects puts back what the driver changes for the whole machine as soon as
// the tunnel is up, so that no packet of it is answered with a redirect (wg_open).
func (b *build) keepRedirects() step { return b.keepSysctl("net/ipv4/conf/all/send_redirects") }

// configureWireguard gives the tunnel its keys and its one peer. The keys are made
// of the mode's name and the end's role, so both machines know both without a
// word between them: they make the tunnel cost what it costs and keep no secret.
func (b *build) configureWireguard() step {
	return step{name: "configure wireguard", do: func() error {
		own, peer := wireguardKey(b.spec.Mode.Name, b.spec.Role), wireguardKey(b.spec.Mode.Name, otherRole(b.spec.Role))
		port := wireguardPort
		return b.machine.space.Do(func() error {
			control, err := wgctrl.New()
			if err != nil {
				return fmt.Errorf("open wireguard's netlink family: %w", err)
			}
			defer control.Close()
			err = control.ConfigureDevice(b.name(tunnelPrefix), wgtypes.Config{
				PrivateKey: &own, ListenPort: &port, ReplacePeers: true,
				Peers: []wgtypes.PeerConfig{{
					PublicKey:  peer.PublicKey(),
					Endpoint:   net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.spec.Peer.Address.Addr(), wireguardPort)),
					AllowedIPs: []net.IPNet{*ipNet(single(b.spec.Peer.Overlay.Addr()))},
				}},
			})
			if err != nil {
				return fmt.Errorf("configure %q: %w", b.name(tunnelPrefix), err)
			}
			return nil
		})
	}}
}

func wireguardKey(mode string, role proto.Role) wgtypes.Key {
	seed := sha256.Sum256([]byte("testbed wireguard " + mode + " " + string(role)))
	seed[0] &= 248 // As RFC 7748, section 5 clamps a scalar.
	seed[31] = seed[31]&127 | 64
	return seed
}

func otherRole(role proto.Role) proto.Role {
	if role == proto.Client {
		return proto.Server
	}
	return proto.Client
}
