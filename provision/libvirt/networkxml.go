package libvirt

import "encoding/xml"

// networkXML is a pure L2 segment: a bridge that the host has no address on.
// With forward mode "open" and no <ip>, libvirt starts no dnsmasq and writes no
// firewall rule; an isolated network would still get its LIBVIRT chains.
type networkXML struct {
	XMLName  xml.Name    `xml:"network"`
	Name     string      `xml:"name"`
	UUID     string      `xml:"uuid"`
	Metadata metadataXML `xml:"metadata"`
	Forward  forwardXML  `xml:"forward"`
	Bridge   bridgeXML   `xml:"bridge"`
	MTU      sizeXML     `xml:"mtu"`
}

type forwardXML struct {
	Mode string `xml:"mode,attr"`
}

// bridgeXML has the spanning tree off: with it a port forwards nothing for its
// first seconds, and sends frames of its own while blocks run.
type bridgeXML struct {
	Name  string `xml:"name,attr"`
	STP   string `xml:"stp,attr"`
	Delay int    `xml:"delay,attr"`
}

func networkDocument(name, bridge string, mtu int, m mark) networkXML {
	return networkXML{
		Name:     name,
		UUID:     derivedUUID(m.Lab, "network", m.Thing),
		Metadata: metadataXML{Mark: m.element()},
		Forward:  forwardXML{Mode: "open"},
		Bridge:   bridgeXML{Name: bridge, STP: "off"},
		MTU:      sizeXML{Size: mtu},
	}
}

// poolXML is a directory of volumes: what the lab's machines boot, and their
// console logs. Pools and volumes have no metadata, so the pool's name carries
// the owner and the lab's UUID.
type poolXML struct {
	XMLName xml.Name `xml:"pool"`
	Type    string   `xml:"type,attr"`
	Name    string   `xml:"name"`
	Path    string   `xml:"target>path"`
}

// volumeXML is a file of a pool. Its mode is libvirt's for a confined QEMU: the
// security driver gives the file to QEMU's user while the machine runs.
type volumeXML struct {
	XMLName  xml.Name  `xml:"volume"`
	Name     string    `xml:"name"`
	Capacity memoryXML `xml:"capacity"`
	Target   struct {
		Format struct {
			Type string `xml:"type,attr"`
		} `xml:"format"`
		Permissions struct {
			Mode string `xml:"mode"`
		} `xml:"permissions"`
	} `xml:"target"`
}

// Modes of files in a pool. What libvirt knows a domain to use it gives to QEMU's
// user; what QEMU opens by itself must be open to that user from the start.
const (
	ownerOnly = "0600"
	readable  = "0644"
	writable  = "0666"
)

func volumeDocument(name, mode string, bytes uint64) volumeXML {
	v := volumeXML{Name: name, Capacity: memoryXML{Unit: "bytes", Value: bytes}}
	v.Target.Format.Type = "raw"
	v.Target.Permissions.Mode = mode
	return v
}
