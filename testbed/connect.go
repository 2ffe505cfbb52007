package testbed

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Hypervisor is a libvirt daemon, as a URI of libvirt's names it.
type Hypervisor struct {
	// SSH is the computer that it is on, as ssh takes it: "user@host:22". Empty: this one.
	SSH string
	// System says that it is the system's daemon and not a session of the user's.
	System bool
	// Socket is its path, where it is not one of the usual. Optional.
	Socket string
}

// sshAddress is nothing that ssh would take for an option.
var sshAddress = regexp.MustCompile(`^([A-Za-z0-9._][A-Za-z0-9._-]*@)?([A-Za-z0-9._][A-Za-z0-9._-]*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$`)

// ParseConnect reads such a URI: "qemu:///system", "qemu+ssh://user@host:22/session".
// An error ends with what to write in its place.
func ParseConnect(uri string) (Hypervisor, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Fragment != "" || u.Opaque != "" {
		return Hypervisor{}, errors.New(`write "qemu:///system", "qemu:///session" or "qemu+ssh://user@host/system"`)
	}
	h := Hypervisor{System: u.Path == "/system"}
	switch {
	case u.Scheme == "qemu" && u.Host == "":
	case u.Scheme == "qemu":
		// To libvirt that is TLS, to some tools SSH.
		return h, fmt.Errorf(`libvirt takes that for TLS, and testbed goes by SSH: write "qemu+ssh://%s%s"`, u.Host, u.Path)
	case u.Scheme != "qemu+ssh":
		return h, errors.New(`write "qemu:///system", "qemu:///session" or "qemu+ssh://user@host/system"`)
	default:
		h.SSH = u.Host
		if u.User != nil {
			h.SSH = u.User.String() + "@" + h.SSH
		}
		if !sshAddress.MatchString(h.SSH) {
			return h, errors.New(`the host is one that ssh connects to: write "qemu+ssh://user@host/system" or "qemu+ssh://user@host:22/system"`)
		}
	}
	if !h.System && u.Path != "/session" {
		return h, errors.New(`it ends with the daemon, "/system" or "/session"`)
	}
	return h, h.options(u.Query())
}

// options reads what stands behind a URI's "?".
func (h *Hypervisor) options(query url.Values) error {
	for name, values := range query {
		if name != "socket" || h.SSH == "" {
			return fmt.Errorf(`it has %q, which testbed does not know; how to reach the host belongs into your ssh_config (Host, IdentityFile, ProxyJump)`, name)
		}
		if h.Socket = values[0]; !strings.HasPrefix(h.Socket, "/") || len(values) > 1 {
			return errors.New(`the socket is one absolute path there: write "?socket=/run/libvirt/libvirt-sock"`)
		}
	}
	return nil
}
