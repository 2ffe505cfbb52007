package libvirt

import (
	"encoding/xml"
	"fmt"
)

// The structures below are the part of libvirt's domain format that a machine
// of ours uses. XML is only ever generated from them; what libvirt returns has
// its defaults filled in and is never compared or edited.

const qemuNamespace = "http://libvirt.org/schemas/domain/qemu/1.0"

type domainXML struct {
	XMLName  xml.Name     `xml:"domain"`
	Type     string       `xml:"type,attr"` // kvm or qemu.
	QEMU     string       `xml:"xmlns:qemu,attr"`
	Name     string       `xml:"name"`
	UUID     string       `xml:"uuid"`
	Metadata metadataXML  `xml:"metadata"`
	Memory   memoryXML    `xml:"memory"`
	VCPU     int          `xml:"vcpu"`
	OS       osXML        `xml:"os"`
	Features featuresXML  `xml:"features"`
	CPU      cpuXML       `xml:"cpu"`
	Clock    clockXML     `xml:"clock"`
	PowerOff string       `xml:"on_poweroff"`
	Reboot   string       `xml:"on_reboot"`
	Crash    string       `xml:"on_crash"`
	Devices  devicesXML   `xml:"devices"`
	Args     []qemuArgXML `xml:"qemu:commandline>qemu:arg"`
}

type memoryXML struct {
	Unit  string `xml:"unit,attr"`
	Value uint64 `xml:",chardata"`
}

type osXML struct {
	Type struct {
		Arch    string `xml:"arch,attr"`
		Machine string `xml:"machine,attr"`
		Value   string `xml:",chardata"`
	} `xml:"type"`
	Kernel  string `xml:"kernel"`
	Initrd  string `xml:"initrd"`
	Cmdline string `xml:"cmdline"`
}

type featuresXML struct {
	ACPI struct{} `xml:"acpi"`
	APIC struct{} `xml:"apic"`
}

type cpuXML struct {
	Mode       string          `xml:"mode,attr"`
	Match      string          `xml:"match,attr,omitempty"`
	Check      string          `xml:"check,attr,omitempty"`
	Migratable string          `xml:"migratable,attr,omitempty"`
	Model      *cpuModelXML    `xml:"model"`
	Features   []cpuFeatureXML `xml:"feature"`
}

type cpuModelXML struct {
	Fallback string `xml:"fallback,attr"`
	Name     string `xml:",chardata"`
}

type cpuFeatureXML struct {
	Policy string `xml:"policy,attr"`
	Name   string `xml:"name,attr"`
}

type clockXML struct {
	Offset string     `xml:"offset,attr"`
	Start  string     `xml:"start,attr,omitempty"`
	Timers []timerXML `xml:"timer"`
}

type timerXML struct {
	Name  string `xml:"name,attr"`
	Track string `xml:"track,attr"`
}

type devicesXML struct {
	Emulator    string          `xml:"emulator"`
	Controllers []controllerXML `xml:"controller"`
	Disks       []diskXML       `xml:"disk"`
	Interfaces  []interfaceXML  `xml:"interface"`
	Serials     []serialXML     `xml:"serial"`
	Consoles    []consoleXML    `xml:"console"`
	Balloon     modelXML        `xml:"memballoon"`
	RNG         *rngXML         `xml:"rng"`
}

type controllerXML struct {
	Type  string `xml:"type,attr"`
	Model string `xml:"model,attr"`
}

type diskXML struct {
	Type   string `xml:"type,attr"`
	Device string `xml:"device,attr"`
	Driver struct {
		Name string `xml:"name,attr"`
		Type string `xml:"type,attr"`
	} `xml:"driver"`
	Source fileXML `xml:"source"`
	Target struct {
		Device string `xml:"dev,attr"`
		Bus    string `xml:"bus,attr"`
	} `xml:"target"`
	ReadOnly *struct{} `xml:"readonly"`
}

type fileXML struct {
	File string `xml:"file,attr"`
}

type interfaceXML struct {
	Type   string    `xml:"type,attr"`
	MAC    macXML    `xml:"mac"`
	Source netRefXML `xml:"source"`
	Model  typeXML   `xml:"model"`
	MTU    *sizeXML  `xml:"mtu"`
}

type macXML struct {
	Address string `xml:"address,attr"`
}

type netRefXML struct {
	Network string `xml:"network,attr,omitempty"`
	Bridge  string `xml:"bridge,attr,omitempty"`
}

type typeXML struct {
	Type string `xml:"type,attr"`
}

type modelXML struct {
	Model string `xml:"model,attr"`
}

type sizeXML struct {
	Size int `xml:"size,attr"`
}

type serialXML struct {
	Type   string         `xml:"type,attr"`
	Source *serialFileXML `xml:"source"`
	Log    *logXML        `xml:"log"`
	Target serialPortXML  `xml:"target"`
}

type serialFileXML struct {
	Path   string `xml:"path,attr"`
	Append string `xml:"append,attr"`
}

type logXML struct {
	File   string `xml:"file,attr"`
	Append string `xml:"append,attr"`
}

type serialPortXML struct {
	Type string `xml:"type,attr"`
	Port int    `xml:"port,attr"`
}

type consoleXML struct {
	Type   string        `xml:"type,attr"`
	Target serialPortXML `xml:"target"`
}

type rngXML struct {
	Model   string `xml:"model,attr"`
	Backend struct {
		Model string `xml:"model,attr"`
		Value string `xml:",chardata"`
	} `xml:"backend"`
}

type qemuArgXML struct {
	Value string `xml:"value,attr"`
}

// encode renders a document of this package.
func encode(document any) (string, error) {
	text, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode XML: %w", err)
	}
	return string(text) + "\n", nil
}
