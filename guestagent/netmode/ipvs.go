package netmode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/mdlayher/genetlink"
	generic "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/kconfig"
)

// Of linux/ip_vs.h: the family, its commands, and the attributes of a service and
// of a destination.
const (
	ipvsFamily  = "IPVS"
	ipvsVersion = 1

	ipvsNewService     = 1
	ipvsDeleteService  = 3
	ipvsNewDestination = 5

	ipvsService     = 1
	ipvsDestination = 2

	serviceFamily, serviceProtocol, serviceAddress, servicePort          = 1, 2, 3, 4
	serviceScheduler, serviceFlags, serviceTimeout, serviceMask          = 6, 7, 8, 9
	destinationAddress, destinationPort, destinationForward              = 1, 2, 3
	destinationWeight, destinationUpper, destinationLower, destinationIP = 4, 5, 6, 11

	ipvsAddressBytes = 16 // union nf_inet_addr.
	forwardMasq      = 0  // IP_VS_CONN_F_MASQ: translate, as kube-proxy has it.
)

// openIPVS is a step that has the kernel load IPVS, which has sysctls of its own.
func (b *build) openIPVS() step {
	return step{name: "open IPVS", do: func() error {
		conn, _, err := b.ipvs()
		if err != nil {
			return err
		}
		return conn.Close()
	}}
}

func (b *build) ipvs() (*genetlink.Conn, genetlink.Family, error) {
	conn, err := genetlink.Dial(&generic.Config{NetNS: b.machine.space.FD()})
	if err != nil {
		return nil, genetlink.Family{}, fmt.Errorf("open generic netlink socket: %w", err)
	}
	family, err := conn.GetFamily(ipvsFamily)
	if errors.Is(err, os.ErrNotExist) {
		err = &UnsupportedError{kconfig.IPVS}
	}
	if err != nil {
		conn.Close()
		return nil, genetlink.Family{}, fmt.Errorf("find IPVS: %w", err)
	}
	return conn, family, nil
}

// translateIPVS is a virtual service with the server as its one destination.
func (b *build) translateIPVS(name, protocol string, server netip.AddrPort) step {
	service := netip.AddrPortFrom(b.spec.Service, server.Port())
	return step{
		name: name,
		do: func() error {
			err := b.tellIPVS(ipvsNewService, protocol, service, nil)
			if errors.Is(err, os.ErrNotExist) { // ESRCH or ENOENT: no such scheduler.
				return fmt.Errorf("%w (%v)", &UnsupportedError{kconfig.IPVSRR}, err)
			}
			if err != nil {
				return err
			}
			if err := b.tellIPVS(ipvsNewDestination, protocol, service, &server); err != nil {
				return errors.Join(err, b.tellIPVS(ipvsDeleteService, protocol, service, nil))
			}
			b.note("service %s → %s by IPVS", service, server)
			return nil
		},
		undo: func() error { return b.tellIPVS(ipvsDeleteService, protocol, service, nil) },
	}
}

func (b *build) tellIPVS(command uint8, protocol string, service netip.AddrPort, server *netip.AddrPort) error {
	conn, family, err := b.ipvs()
	if err != nil {
		return err
	}
	defer conn.Close()
	ae := generic.NewAttributeEncoder()
	ae.Nested(ipvsService, func(s *generic.AttributeEncoder) error {
		s.Uint16(serviceFamily, unix.AF_INET)
		s.Uint16(serviceProtocol, uint16(protocolNumber(protocol)))
		s.Bytes(serviceAddress, paddedAddress(service.Addr()))
		s.Bytes(servicePort, bigEndian(service.Port()))
		s.String(serviceScheduler, "rr")
		s.Bytes(serviceFlags, make([]byte, 8)) // struct ip_vs_flags: none, and none asked about.
		s.Uint32(serviceTimeout, 0)
		s.Uint32(serviceMask, ^uint32(0)) // Persistence by single address; there is none.
		return nil
	})
	if server != nil {
		ae.Nested(ipvsDestination, func(d *generic.AttributeEncoder) error {
			d.Bytes(destinationAddress, paddedAddress(server.Addr()))
			d.Bytes(destinationPort, bigEndian(server.Port()))
			d.Uint32(destinationForward, forwardMasq)
			d.Uint32(destinationWeight, 1)
			d.Uint32(destinationUpper, 0)
			d.Uint32(destinationLower, 0)
			d.Uint16(destinationIP, unix.AF_INET)
			return nil
		})
	}
	data, err := ae.Encode()
	if err != nil {
		return err
	}
	message := genetlink.Message{Header: genetlink.Header{Command: command, Version: ipvsVersion}, Data: data}
	if _, err := conn.Execute(message, family.ID, generic.Request|generic.Acknowledge); err != nil {
		return fmt.Errorf("tell IPVS of service %s: %w", service, err)
	}
	return nil
}

func paddedAddress(address netip.Addr) []byte {
	return append(address.AsSlice(), make([]byte, ipvsAddressBytes-ipLength)...)
}

func bigEndian(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
