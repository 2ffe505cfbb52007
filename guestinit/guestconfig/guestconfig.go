// Package guestconfig is what the host tells a guest before it boots: one JSON
// file in the guest's initramfs, and the marker that the guest answers with.
// It is plain data and imports nothing of this module, because both the host
// and PID 1 of the guest read it.
package guestconfig

// Path of the configuration in the guest's initramfs.
const Path = "/etc/testbed/guest.json"

// ReadyMarker is the line that PID 1 writes to the console when the guest
// answers SSH. FailedMarker begins the line that says why it never will.
const (
	ReadyMarker  = "testbed-guest: ready"
	FailedMarker = "testbed-guest: failed: "
)

// Config is a guest's identity and its place on the lab's networks.
type Config struct {
	Hostname       string            `json:"hostname"`
	HostKey        string            `json:"host_key"`        // PEM, OpenSSH format, ed25519.
	AuthorizedKeys []string          `json:"authorized_keys"` // authorized_keys lines.
	Management     Management        `json:"management"`
	NICs           []NIC             `json:"nics"`
	Disk           string            `json:"disk"` // Device of a read-only file system to lay over the root, such as "/dev/vda". Optional.
	Sysctl         map[string]string `json:"sysctl"`
	Hosts          map[string]string `json:"hosts"` // Name to address, for /etc/hosts.
	// Sealed, in place of all but the host name.
	Sealed *Sealed `json:"sealed,omitempty"`
}

// Sealed is what a guest without any way in runs, after which it powers off.
type Sealed struct {
	Program []string `json:"program"` // With its arguments.
	Input   string   `json:"input"`   // File that it reads.
	Output  string   `json:"output"`  // Serial port that it writes to.
}

// Management is the NIC that carries SSH and is never measured.
type Management struct {
	MAC     string `json:"mac"`
	Device  string `json:"device"`  // Name to give it: "mgmt0".
	Address string `json:"address"` // "10.0.2.15/24" for QEMU's user network.
	Gateway string `json:"gateway"` // Optional.
}

// NIC is a measured interface.
type NIC struct {
	MAC     string `json:"mac"`
	Device  string `json:"device"`  // Name to give it, such as "eth1".
	Address string `json:"address"` // With prefix length.
	MTU     int    `json:"mtu"`     // 0: the driver's.
}
