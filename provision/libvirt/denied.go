package libvirt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// qemuUser is the account of a system daemon's QEMU, by distribution.
var qemuUsers = []string{"libvirt-qemu", "qemu"}

// explainDenied adds to a "permission denied" which folder on the way to path
// QEMU's user may not search, and the command that lets it. It is the commonest
// complaint about libvirt, and libvirt names the whole path only.
func explainDenied(err error, path string) error {
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "permission denied") {
		return err
	}
	if dir := unsearchable(path); dir != "" {
		return fmt.Errorf("%w; QEMU's user may not search %s: sudo setfacl -m u:%s:x %s",
			err, dir, qemuUser(), dir)
	}
	return fmt.Errorf("%w; every folder of %s may be searched, so a security driver refuses it: see the audit log (journalctl -k | grep -i denied)",
		err, path)
}

// unsearchable is the first folder on the way to path that others may not
// search, or empty.
func unsearchable(path string) string {
	at := "/"
	for _, part := range append([]string{""}, strings.Split(filepath.Clean(path), "/")...) {
		at = filepath.Join(at, part)
		info, err := os.Stat(at)
		if err != nil {
			return ""
		}
		if info.IsDir() && info.Mode().Perm()&0o001 == 0 {
			return at
		}
	}
	return ""
}

func qemuUser() string {
	passwd, err := os.ReadFile("/etc/passwd")
	if err == nil {
		for _, user := range qemuUsers {
			if strings.HasPrefix(string(passwd), user+":") || strings.Contains(string(passwd), "\n"+user+":") {
				return user
			}
		}
	}
	return qemuUsers[0]
}
