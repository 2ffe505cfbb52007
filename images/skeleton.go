package images

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/testbed-lab/testbed/images/newc"
)

// skeleton are the files that a user land needs beside its programs. tcpdump
// reads packets as a user of its own.
var skeleton = map[string]string{
	"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n" +
		"tcpdump:x:100:100::/nonexistent:/usr/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"etc/group":         "root:x:0:\ntty:x:5:\ntcpdump:x:100:\nnogroup:x:65534:\n",
	"etc/shells":        "/bin/sh\n",
	"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	"etc/profile": `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PS1='\u@\h:\w# '
export PAGER=less
alias ll='ls -l'
`,
}

// folders are mount points and the like; the kernel's own console node is what
// PID 1 writes to before it has mounted anything.
var folders = map[string]fs.FileMode{
	"dev": 0o755, "proc": 0o555, "sys": 0o555, "run": 0o755, "root": 0o700, "mnt": 0o755,
	"var": 0o755, "tmp": 0o777 | fs.ModeSticky, "etc/testbed": 0o755,
}

// mergedDirs are links on a merged system.
var mergedDirs = []string{"bin", "sbin", "lib", "lib64"}

// adminApplets are looked for in sbin, by the kernel (modprobe) and by habit.
var adminApplets = []string{"depmod", "halt", "insmod", "lsmod", "modprobe", "poweroff", "reboot", "rmmod", "sysctl"}

// unwantedApplets would act as another PID 1.
var unwantedApplets = []string{"init", "linuxrc", "busybox"}

// userlandTree builds the tree of the tools, their libraries and the skeleton.
func userlandTree(debs []string, suite string) (*newc.Tree, error) {
	u, err := unpack(debs)
	if err != nil {
		return nil, err
	}
	t := &newc.Tree{}
	addSkeleton(t, suite)
	for _, tool := range tools {
		if err := addTool(t, u, tool); err != nil {
			return nil, err
		}
	}
	for name, data := range u.files {
		if path.Dir(name) == "usr/lib/tc" && path.Ext(name) == ".dist" {
			t.File(name, 0o644, data)
		}
	}
	return t, addApplets(t, u)
}

func addSkeleton(t *newc.Tree, suite string) {
	for name, perm := range folders {
		t.Dir(name, perm)
	}
	for name, text := range skeleton {
		t.File(name, 0o644, []byte(text))
	}
	for _, dir := range mergedDirs {
		t.Dir("usr/"+dir, 0o755)
		t.Symlink(dir, "usr/"+dir)
	}
	t.Symlink("var/run", "../run")
	t.Symlink("var/tmp", "../tmp")
	t.File("etc/os-release", 0o644, fmt.Appendf(nil, "ID=testbed\nNAME=Testbed\nPRETTY_NAME=\"Testbed guest (tools of Debian %s)\"\n", suite))
	t.CharDevice("dev/console", 0o600, 5, 1)
	t.CharDevice("dev/null", 0o666, 1, 3)
}

func addTool(t *newc.Tree, u *unpacked, tool tool) error {
	for _, program := range tool.programs {
		name, data, ok := u.program(program)
		if !ok && tool.optional {
			continue
		}
		if !ok {
			return fmt.Errorf("package %q has no program %q", tool.pkg, program)
		}
		if err := u.addWithLibraries(t, name, data); err != nil {
			return err
		}
	}
	return nil
}

// addApplets links busybox under the names that no real tool has.
func addApplets(t *newc.Tree, u *unpacked) error {
	at, data, _ := u.program("busybox")
	names, err := applets(data)
	if err != nil {
		return err
	}
	for _, name := range names {
		inBin, inSbin := "usr/bin/"+name, "usr/sbin/"+name
		if slices.Contains(unwantedApplets, name) || t.Has(inBin) || t.Has(inSbin) {
			continue
		}
		t.Symlink(inBin, "/"+at)
		if slices.Contains(adminApplets, name) {
			t.Symlink(inSbin, "/"+at)
		}
	}
	return nil
}
