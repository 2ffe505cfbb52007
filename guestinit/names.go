package guestinit

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// setNames gives the guest its name, and the names of its peers.
func setNames(cfg guestconfig.Config) error {
	if err := unix.Sethostname([]byte(cfg.Hostname)); err != nil {
		return fmt.Errorf("set hostname %q: %w", cfg.Hostname, err)
	}
	if err := os.WriteFile("/etc/hostname", []byte(cfg.Hostname+"\n"), 0o644); err != nil {
		return fmt.Errorf("write hostname: %w", err)
	}
	if err := os.WriteFile("/etc/hosts", []byte(hostsFile(cfg)), 0o644); err != nil {
		return fmt.Errorf("write hosts: %w", err)
	}
	return nil
}

func hostsFile(cfg guestconfig.Config) string {
	var text strings.Builder
	text.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
	if _, named := cfg.Hosts[cfg.Hostname]; !named {
		fmt.Fprintf(&text, "127.0.1.1 %s\n", cfg.Hostname)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Hosts)) {
		fmt.Fprintf(&text, "%s %s\n", cfg.Hosts[name], name)
	}
	return text.String()
}
