// Package guestinit is PID 1 of a guest: it mounts, loads modules, gives the
// NICs their names and addresses, and serves SSH on the management NIC. It is
// no general init: there are no services, no users but root, and nothing is
// kept on a disk. It runs only in a guest; on a host it would do harm.
//
// Invariant: the console shows either guestconfig.ReadyMarker, and then SSH
// answers, or guestconfig.FailedMarker with a reason, and then the guest is off.
package guestinit

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// Run sets the guest up, serves it, and never returns.
func Run() {
	if err := start(); err != nil {
		say(guestconfig.FailedMarker + err.Error())
		powerOff()
	}
	awaitPower()
}

// start does everything up to the marker. The order matters: modules make NICs,
// and a NIC's sysctls exist once it has its name.
func start() error {
	if os.Getpid() != 1 {
		return fmt.Errorf("this is PID 1 of a testbed guest, not a program to run (it has PID %d)", os.Getpid())
	}
	if err := mountAll(); err != nil {
		return err
	}
	if err := stopScans(); err != nil {
		return err
	}
	children := newReaper()
	go children.run()
	cfg, err := readConfig(guestconfig.Path)
	if err != nil {
		return err
	}
	if cfg.Sealed != nil {
		return runSealed(cfg, children)
	}
	if err := loadModules(loadList); err != nil {
		return err
	}
	if cfg.Disk != "" {
		if err := switchRoot(cfg.Disk, children.modprobe); err != nil {
			return fmt.Errorf("lay disk %s over the root: %w", cfg.Disk, err)
		}
	}
	if err := setNames(cfg); err != nil {
		return err
	}
	if err := setUpNetwork(cfg, children.modprobe); err != nil {
		return err
	}
	server, err := newServer(cfg, children)
	if err != nil {
		return err
	}
	listener, err := listen(cfg.Management)
	if err != nil {
		return err
	}
	go server.serve(listener)
	say(guestconfig.ReadyMarker)
	go consoleShells(children, cfg.Hostname)
	return nil
}

func readConfig(path string) (guestconfig.Config, error) {
	var cfg guestconfig.Config
	text, err := os.ReadFile(path)
	if err != nil {
		return cfg, fmt.Errorf("read guest configuration: %w", err)
	}
	if err := json.Unmarshal(text, &cfg); err != nil {
		return cfg, fmt.Errorf("read guest configuration %q: %w", path, err)
	}
	return cfg, nil
}

// newServer makes the SSH server with the key that the host knows it by.
func newServer(cfg guestconfig.Config, children *reaper) (*sshServer, error) {
	hostKey, err := ssh.ParsePrivateKey([]byte(cfg.HostKey))
	if err != nil {
		return nil, fmt.Errorf("read SSH host key: %w", err)
	}
	authorized, err := parseAuthorized(cfg.AuthorizedKeys)
	if err != nil {
		return nil, err
	}
	return newSSHServer(hostKey, authorized, children), nil
}
