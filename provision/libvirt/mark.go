package libvirt

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/provision/hold"
)

// Namespaces of our metadata. The mark is written once, with the definition;
// the state changes while the machine lives.
const (
	markNamespace  = "urn:testbed:lab:1"
	stateNamespace = "urn:testbed:state:1"
)

// mark is what a domain or network of ours carries of itself.
type mark struct {
	Lab     string // The lab's UUID.
	Name    string // The lab's name.
	Owner   string
	Source  string // The lab file.
	Thing   string // The machine or network, by its name in the lab.
	Digest  string // SHA-256 of the wanted definition.
	Image   string // Digest of the image, of machines.
	SSH     string // Address that forwards to the machine's port 22. Empty where it is sealed.
	Sealed  bool   // It has no way in; see [provision.Sealed].
	HostKey string // Its public host key, as an authorized_keys line.
	Log     string // Path of its console log.
	// Networks that a machine is on, by their names in the lab: a session has
	// no other trace of them.
	Networks []string
	Builder  hold.Process
}

type metadataXML struct {
	Mark markXML `xml:"testbed:lab"`
}

// markXML is the element as written; encoding/xml writes prefixes only as part
// of the name. parsedMark reads it.
type markXML struct {
	Namespace string `xml:"xmlns:testbed,attr"`
	markAttrs
}

type markAttrs struct {
	ID      string `xml:"id,attr"`
	Name    string `xml:"name,attr"`
	Owner   string `xml:"owner,attr"`
	Source  string `xml:"source,attr"`
	Thing   string `xml:"thing,attr"`
	Digest  string `xml:"digest,attr"`
	Image   string `xml:"image,attr,omitempty"`
	SSH     string `xml:"ssh,attr,omitempty"`
	Sealed  bool   `xml:"sealed,attr,omitempty"`
	HostKey string `xml:"hostkey,attr,omitempty"`
	Log     string `xml:"log,attr,omitempty"`
	// Names of the lab language hold no spaces.
	Networks string `xml:"networks,attr,omitempty"`
	Builder  string `xml:"builder,attr"`
}

func (m mark) element() markXML {
	return markXML{Namespace: markNamespace, markAttrs: markAttrs{
		ID: m.Lab, Name: m.Name, Owner: m.Owner, Source: m.Source, Thing: m.Thing,
		Digest: m.Digest, Image: m.Image, SSH: m.SSH, Sealed: m.Sealed, HostKey: m.HostKey, Log: m.Log,
		Networks: strings.Join(m.Networks, " "), Builder: m.Builder.String(),
	}}
}

// stateXML is what is learnt of a machine after its definition.
type stateXML struct {
	XMLName xml.Name `xml:"urn:testbed:state:1 state"`
	Ready   bool     `xml:"ready,attr"` // It answered SSH once.
	Kept    bool     `xml:"kept,attr"`  // It outlives the process that made it.
}

// described is what is read back of any domain or network.
type described struct {
	Name     string `xml:"name"`
	UUID     string `xml:"uuid"`
	Metadata struct {
		Mark  *markAttrs `xml:"urn:testbed:lab:1 lab"`
		State *stateXML  `xml:"urn:testbed:state:1 state"`
	} `xml:"metadata"`
	Bridge bridgeXML `xml:"bridge"`
	OS     struct {
		Kernel string `xml:"kernel"`
		Initrd string `xml:"initrd"`
	} `xml:"os"`
	Disks []diskXML `xml:"devices>disk"`
}

// boots is what the described machine boots.
func (d described) boots() uploads {
	u := uploads{kernel: d.OS.Kernel, initrd: d.OS.Initrd}
	if len(d.Disks) > 0 {
		u.disk = d.Disks[0].Source.File
	}
	return u
}

// parseMark reads a description. ok is false for what is not ours.
func parseMark(document string) (d described, m mark, ok bool, err error) {
	if err := xml.Unmarshal([]byte(document), &d); err != nil {
		return d, m, false, fmt.Errorf("decode XML: %w", err)
	}
	a := d.Metadata.Mark
	if a == nil || a.ID == "" {
		return d, m, false, nil
	}
	return d, mark{
		Lab: a.ID, Name: a.Name, Owner: a.Owner, Source: a.Source, Thing: a.Thing,
		Digest: a.Digest, Image: a.Image, SSH: a.SSH, Sealed: a.Sealed, HostKey: a.HostKey, Log: a.Log,
		Networks: strings.Fields(a.Networks), Builder: hold.ParseProcess(a.Builder),
	}, true, nil
}
