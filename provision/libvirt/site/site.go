// Package site is the computer that libvirt runs on, beside libvirt: what it is, its
// files and devices, its tools, and the way to what listens there. It is this
// computer or one that the user's ssh leads to, and knows no libvirt.
//
// Invariant: nothing that is said of a computer far away was looked up on this one.
package site

import (
	"context"
	"io/fs"
	"net"
	"strings"
	"time"
)

// Site is such a computer. What it is asked for and cannot tell is an error, or
// nothing where the method has none.
type Site interface {
	// Name is how ssh reaches it, "user@host:22"; "" for this computer.
	Name() string
	About() About
	// Getenv is os.Getenv, there: of HOME and XDG's variables.
	Getenv(variable string) string
	// Dial connects to "unix" and a path, or "tcp" and an address as seen from there.
	// Nobody there is a wrapped fs.ErrNotExist or ECONNREFUSED, a socket that this user
	// may not write to fs.ErrPermission.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// ReadFile is os.ReadFile.
	ReadFile(ctx context.Context, path string) ([]byte, error)
	// ReadFiles joins those of the files that are there. It is fs.ErrPermission where the
	// last may not be read.
	ReadFiles(ctx context.Context, paths ...string) ([]byte, error)
	// List gives the names in a folder; none for one that cannot be looked into.
	List(ctx context.Context, folder string) []string
	Exists(ctx context.Context, path string) bool
	// Files are those that match patterns, as of [path.Match] and from the root on.
	Files(ctx context.Context, patterns ...string) (fs.FS, error)
	// MakeFolder makes one for this user alone, and those above it.
	MakeFolder(ctx context.Context, path string) error
	// Remove is of a file or an empty folder, where that is possible.
	Remove(ctx context.Context, path string)
	RemoveAll(ctx context.Context, path string) error
	// Unsearchable is the first folder on the way to path that others may not search,
	// or empty.
	Unsearchable(ctx context.Context, path string) string
	// Links gives the network devices with their aliases.
	Links(ctx context.Context) (map[string]string, error)
	// Alias gives a network device an alias, which only root may.
	Alias(ctx context.Context, link, alias string)
	RemoveLink(ctx context.Context, link string) error
	// FreePort is one of 127.0.0.1 that nothing listens on now.
	FreePort(ctx context.Context) (int, error)
	// Ask runs a tool that may be missing or refuse; then it has said nothing.
	Ask(ctx context.Context, tool string, args ...string) string
	// Has says whether a tool is installed.
	Has(ctx context.Context, tool string) bool
	// Start runs a command that puts itself in the background when it is ready.
	Start(ctx context.Context, command []string) error
	// Lost is why a connection that was there is no more; nil while it is, also after
	// some patience. It is made again when it is next needed.
	Lost(patience time.Duration) error
	Close() error
}

// About is what a computer says of itself.
type About struct {
	UID  int    // Of whom we are there.
	User string // Its name.
	// Virtualizes says whether its processor can run Debian's kernels under KVM, as far
	// as it tells.
	Virtualizes bool
	VhostNet    bool
	Systemd     bool
	QEMUUser    string // The account of a system daemon's QEMU.
}

// qemuUsers are the accounts of a system daemon's QEMU, by distribution.
var qemuUsers = []string{"libvirt-qemu", "qemu"}

func qemuUser(passwd string) string {
	for _, user := range qemuUsers {
		if strings.HasPrefix(passwd, user+":") || strings.Contains(passwd, "\n"+user+":") {
			return user
		}
	}
	return qemuUsers[0]
}
