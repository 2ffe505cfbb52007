package images

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/testbed"
)

// treeMakefile installs modules as far as a kernel's does.
const treeMakefile = `ifneq ($(KBUILD_OUTPUT)$(ARCH),)
$(error another folder or architecture than the tree's)
endif
to := $(INSTALL_MOD_PATH)/lib/modules/$(shell cat include/config/kernel.release)

modules_install:
	test $(DEPMOD) = true
	for m in $$(cat modules.order); do \
		mkdir -p $(to)/kernel/$$(dirname $$m) && cp $${m%.o}.ko $(to)/kernel/$$m.new && mv $(to)/kernel/$$m.new $(to)/kernel/$${m%.o}.ko || exit 1; \
	done
	cp modules.builtin $(to)/
	ln -s $(CURDIR) $(to)/build
`

// builtKernelTree is a tree in which a kernel with modules was built.
func builtKernelTree(t *testing.T) (root string, image testbed.Image) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("this machine lacks make")
	}
	root = t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	var order strings.Builder
	below := "lib/modules/" + ownRelease + "/"
	for name, content := range moduleFiles(t, ownRelease, "lib/modules/", "") {
		name = strings.TrimPrefix(name, below)
		if module, ok := strings.CutPrefix(name, "kernel/"); ok {
			write(module, content)
			order.WriteString(strings.TrimSuffix(module, ".ko") + ".o\n")
		} else {
			write(name, content)
		}
	}
	write(treeModules, order.String())
	write("Makefile", treeMakefile)
	write(treeRelease, ownRelease+"\n")
	write(treeConfig, "#\n# Linux/x86 6.13.0-rc1 Kernel Configuration\n#\nCONFIG_64BIT=y\nCONFIG_X86_64=y\nCONFIG_MODULES=y\n")
	write(TreeImage, bzImage(ownRelease))
	return root, testbed.Image{Name: "own", Tree: root}
}

// snapshot is all that is in a folder, with times.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		all[path] = info.Mode().String() + info.ModTime().String()
		return nil
	}))
	return all
}

func TestTree(t *testing.T) {
	l := newLab(t)
	root, image := builtKernelTree(t)
	// What a make around testbed, or a kernel developer's shell, may have set.
	t.Setenv("MAKEFLAGS", "n")
	t.Setenv("KBUILD_OUTPUT", "/nowhere")
	t.Setenv("ARCH", "um")
	before := snapshot(t, root)
	built, err := l.build(image, nil)
	require.NoError(t, err)
	require.Equal(t, before, snapshot(t, root), "the tree is the user's")
	require.Equal(t, ownRelease, built.Release)
	require.Equal(t, root, built.Facts["tree"])
	archive := readRoot(t, readFile(t, built.Root))
	checkModules(t, archive, ownRelease)
	require.Contains(t, archive["usr/lib/modules/"+ownRelease+"/config"], "CONFIG_MODULES=y")
	left, err := filepath.Glob(filepath.Join(l.cache, kernelDir, "*/scratch"))
	require.NoError(t, err)
	require.Empty(t, left)
	lock := string(readFile(t, l.lock))
	require.Contains(t, lock, root)
	require.Contains(t, lock, ownRelease)

	// Not changed, it is neither read nor installed again.
	require.NoError(t, os.Rename(filepath.Join(root, "Makefile"), filepath.Join(root, "Makefile.before")))
	require.NoError(t, os.WriteFile(filepath.Join(root, "Makefile"), []byte("$(error called again)\n"), 0o644))
	same, err := l.build(image, nil)
	require.NoError(t, err)
	require.Equal(t, built.Digest, same.Digest)
	require.NoError(t, os.Rename(filepath.Join(root, "Makefile.before"), filepath.Join(root, "Makefile")))

	// One module built anew makes another kernel, though the bzImage is the same.
	veth := filepath.Join(root, "drivers/net/veth.ko")
	require.NoError(t, os.WriteFile(veth, []byte(string(readFile(t, veth))+"changed"), 0o644))
	again, err := l.build(image, nil)
	require.NoError(t, err)
	require.NotEqual(t, built.Digest, again.Digest)
	require.Equal(t, readFile(t, built.Kernel), readFile(t, again.Kernel))
}

func TestTreeWithoutModules(t *testing.T) {
	root, image := builtKernelTree(t)
	require.NoError(t, os.WriteFile(filepath.Join(root, treeConfig), []byte("CONFIG_64BIT=y\nCONFIG_X86_64=y\n# CONFIG_MODULES is not set\n"), 0o644))
	require.NoError(t, os.Remove(filepath.Join(root, treeModules)))
	built, err := newLab(t).build(image, nil)
	require.NoError(t, err)
	require.Empty(t, readRoot(t, readFile(t, built.Root))[loadList])
}

func TestTreeErrors(t *testing.T) {
	overwrite := func(name, content string) func(string) error {
		return func(root string) error { return os.WriteFile(filepath.Join(root, name), []byte(content), 0o644) }
	}
	remove := func(name string) func(string) error {
		return func(root string) error { return os.Remove(filepath.Join(root, name)) }
	}
	small := []byte(bzImage(ownRelease))
	small[protocolVersion], small[protocolVersion+1] = 0x0f, 0x02
	tests := map[string]struct {
		spoil func(root string) error
		want  []string
	}{
		"no tree":             {remove("Makefile"), []string{"no Makefile", "top folder"}},
		"not configured":      {remove(treeConfig), []string{".config is not there", "defconfig", "kernel config --fragment"}},
		"not linked":          {remove(TreeImage), []string{TreeImage + " is not there", "make -C", " -j$(nproc)"}},
		"no release":          {remove(treeRelease), []string{treeRelease + " is not there", "make -C"}},
		"modules not built":   {remove(treeModules), []string{"modules.order is not there", "make -C"}},
		"a module is missing": {remove("drivers/net/veth.ko"), []string{"drivers/net/veth.ko is not there", "make -C"}},
		"for arm64": {overwrite(treeConfig, "# Linux/arm64 6.12.1 Kernel Configuration\nCONFIG_ARM64=y\n"),
			[]string{"configured for arm64", "guests are x86-64", "ARCH=x86_64"}},
		"for nobody knows": {overwrite(treeConfig, "CONFIG_PPC=y\n"), []string{"configured for another architecture"}},
		"no configuration": {overwrite(treeConfig, "\x00"), []string{"read .config", "no option of a kernel"}},
		"configured for 32 bits": {overwrite(treeConfig, "# Linux/x86 6.12.1 Kernel Configuration\nCONFIG_X86_32=y\n"),
			[]string{"configured for x86", "guests are x86-64", "CONFIG_X86_64=y"}},
		"32 bits":    {overwrite(TreeImage, string(small)), []string{"kernel of 32 bits", "CONFIG_64BIT"}},
		"vmlinux":    {overwrite(TreeImage, "\x7fELF"), []string{TreeImage, "not a bzImage"}},
		"two builds": {overwrite(treeRelease, "6.14.0\n"), []string{"is of " + ownRelease, "says 6.14.0", "two builds"}},
		"make fails": {overwrite("Makefile", "modules_install:\n\t@echo no rule for this >&2; false\n"),
			[]string{"install modules of kernel tree", "no rule for this", "modules_install"}},
		"modules of another": {overwrite("Makefile", "modules_install:\n\tmkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.0.0\n"),
			[]string{"made no lib/modules/" + ownRelease, "6.0.0", "build kernel and modules together"}},
		"modules of another release": {overwrite("Makefile", strings.Replace(treeMakefile, "\tcp modules.builtin", "\tfind $(to) -name '*.ko' | xargs sed -i s/6.13.0-rc1+/6.13.0-rc2+/g\n\tcp modules.builtin", 1)),
			[]string{"is of kernel 6.13.0-rc2+, not " + ownRelease}},
		"built meanwhile": {overwrite("Makefile", treeMakefile+"\techo >> drivers/net/veth.ko\n"), []string{"changed while it was read", "wait for its build"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			root, image := builtKernelTree(t)
			require.NoError(t, tt.spoil(root))
			l.refuses(image, nil, tt.want...)
		})
	}
	t.Run("no make", func(t *testing.T) {
		_, image := builtKernelTree(t)
		t.Setenv("PATH", t.TempDir())
		_, err := newLab(t).build(image, nil)
		require.ErrorContains(t, err, "apt install make")
	})
}

// TestTreeInterrupted ends make with its children, also one that its recipe does not wait
// for, and leaves nothing.
func TestTreeInterrupted(t *testing.T) {
	l := newLab(t)
	root, image := builtKernelTree(t)
	held := filepath.Join(t.TempDir(), "held")
	require.NoError(t, unix.Mkfifo(held, 0o600))
	recipe := "modules_install:\n\texec >" + held + "; sleep 600 & echo began; sleep 600\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "Makefile"), []byte(recipe), 0o644))
	ctx, cancel := context.WithCancel(deadline(t))
	all := make(chan error, 1)
	go func() {
		all <- func() error {
			defer cancel()
			pipe, err := os.Open(held) // Until the recipe has opened it too.
			if err != nil {
				return err
			}
			defer pipe.Close()
			said := bufio.NewReader(pipe)
			if _, err := said.ReadString('\n'); err != nil {
				return err
			}
			cancel()
			// Whoever lives holds the pipe, so it ends with the last of them.
			if err := pipe.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, said)
			return err
		}()
	}()
	_, err := l.store(nil).Build(ctx, image, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, <-all)
	checkNothingHalfMade(t, l.cache)
}
