package libvirt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/google/uuid"
)

// namer gives the names of what a lab has. The daemon's own user gets plain
// names; what others make on a shared daemon has their mark in it, so that two
// people may bring up the same lab.
type namer struct {
	owner string
	scope string
	plain bool
}

func newNamer(owner string, e endpoint) namer {
	if e.far() {
		return namer{owner: abroad(owner), scope: e.scope()}
	}
	daemonUser := os.Geteuid()
	if e.system() {
		daemonUser = 0
	}
	return namer{owner: owner, scope: e.scope(), plain: owner == userOwner(daemonUser)}
}

func userOwner(uid int) string { return fmt.Sprintf("uid-%d", uid) }

// abroad is an owner on another computer, where a user's number from here is another
// person's too. A name that somebody has given means the same everywhere.
func abroad(owner string) string {
	if owner != userOwner(os.Geteuid()) {
		return owner
	}
	here, err := os.ReadFile("/etc/machine-id")
	if name, unnamed := os.Hostname(); err != nil && unnamed == nil {
		here = []byte(name)
	}
	return fmt.Sprintf("%s-%.8s", owner, digestOf("computer", string(here)))
}

func (n namer) thing(lab, name string) string {
	if n.plain {
		return fmt.Sprintf("testbed-%s-%s", lab, name)
	}
	return fmt.Sprintf("testbed-%s-%s-%s", n.owner, lab, name)
}

func (n namer) pool(id string) string { return fmt.Sprintf("testbed-%s-%s", n.owner, id) }

// poolLab is pool's inverse; ok is false for a pool of somebody else.
func (n namer) poolLab(pool string) (id string, ok bool) {
	id, ok = strings.CutPrefix(pool, "testbed-"+n.owner+"-")
	if !ok {
		return "", false
	}
	_, err := uuid.Parse(id)
	return id, err == nil
}

// bridgeName fits the kernel's 15 characters and is as unique as the lab's UUID.
func bridgeName(id, network string) string {
	return "tb" + digestOf("bridge", id, network)[:10]
}

// bridgeAlias is the mark of a bridge, which has no other place for one.
func (n namer) bridgeAlias(id string) string {
	return fmt.Sprintf("testbed owner=%s lab=%s", n.owner, id)
}

// volumeName carries the machine, which names of the lab language cannot hold a
// dot, and the content's digest.
func volumeName(machine, kind, digest string) string {
	return fmt.Sprintf("%s.%s.%.16s", machine, kind, digest)
}

func logName(machine string) string { return machine + ".console.log" }

// volumeMachine says which machine a file of a pool belongs to.
func volumeMachine(volume string) string {
	machine, _, _ := strings.Cut(volume, ".")
	return machine
}

// derivedUUID is the same for the same lab and thing, so a second definition of
// a machine is the same domain to libvirt.
func derivedUUID(lab, kind, name string) string {
	space, err := uuid.Parse(lab)
	if err != nil {
		space = uuid.Nil
	}
	return uuid.NewSHA1(space, []byte(kind+"/"+name)).String()
}

// digestOf hashes a list of strings so that no two lists look alike.
func digestOf(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
