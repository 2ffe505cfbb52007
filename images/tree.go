package images

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/testbed-lab/testbed/kconfig"
)

// TreeImage is where a build leaves the kernel in its tree.
const TreeImage = "arch/x86/boot/bzImage"

// Further files of a kernel tree, below it.
const (
	treeRelease = "include/config/kernel.release"
	treeConfig  = ".config"
	treeModules = "modules.order" // Made once the modules are.
)

// kernelTree is a kernel's source that the user has built, or the folder that they
// built it in (make O=…). It is read, and never changed.
type kernelTree struct{ root string }

// builtTree is what a build left in a tree.
type builtTree struct {
	release string
	image   []byte
	config  []byte
	modules []string // Paths of their files, from the tree.
	modular bool     // CONFIG_MODULES
}

// look finds what was built. Each error says what to build.
func (t kernelTree) look() (*builtTree, error) {
	b := &builtTree{}
	for _, part := range []func(*builtTree) error{t.isTree, t.configured, t.linked, t.compiled} {
		if err := part(b); err != nil {
			return nil, fmt.Errorf("read kernel tree %q: %w", t.root, err)
		}
	}
	return b, nil
}

func (t kernelTree) isTree(*builtTree) error {
	_, err := os.Stat(t.path("Makefile"))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("it has no Makefile: name the top folder of a kernel's source, or the folder that it was built in (make O=…)")
	}
	return err
}

func (t kernelTree) path(name string) string { return filepath.Join(t.root, name) }

// unbuilt is the error for a file that a build makes.
func (t kernelTree) unbuilt(name string) error {
	return fmt.Errorf("%s is not there, so it is not built yet: make -C %s -j$(nproc)", name, t.root)
}

// configured reads what the tree is configured for.
func (t kernelTree) configured(b *builtTree) (err error) {
	b.config, err = os.ReadFile(t.path(treeConfig))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is not there, so it is not configured yet: make -C %s defconfig, and testbed kernel config --fragment says what a lab needs", treeConfig, t.root)
	}
	if err != nil {
		return err
	}
	c, err := kconfig.Read(bytes.NewReader(b.config))
	if err != nil {
		return fmt.Errorf("read %s: %w", treeConfig, err)
	}
	if len(c.Lacks([]kconfig.Feature{kconfig.Processor})) > 0 {
		return fmt.Errorf("it is configured for %s, and guests are x86-64: %s needs CONFIG_X86_64=y (make ARCH=x86_64 defconfig)",
			cmp.Or(c.Architecture, "another architecture"), treeConfig)
	}
	b.modular = c.Has(kconfig.Modules)
	return nil
}

// linked reads the kernel, which must be of the release that its modules are of.
func (t kernelTree) linked(b *builtTree) (err error) {
	b.image, err = os.ReadFile(t.path(TreeImage))
	if errors.Is(err, os.ErrNotExist) {
		return t.unbuilt(TreeImage)
	}
	if err != nil {
		return err
	}
	inImage, err := bzImageRelease(b.image)
	if err != nil {
		return fmt.Errorf("%s: %w", TreeImage, err)
	}
	text, err := os.ReadFile(t.path(treeRelease))
	if errors.Is(err, os.ErrNotExist) {
		return t.unbuilt(treeRelease)
	}
	if err != nil {
		return err
	}
	b.release = strings.TrimSpace(string(text))
	if b.release != inImage {
		return fmt.Errorf("%s is of %s, and %s says %s: they are of two builds: make -C %s -j$(nproc)", TreeImage, inImage, treeRelease, b.release, t.root)
	}
	return nil
}

// compiled lists the modules.
func (t kernelTree) compiled(b *builtTree) error {
	if !b.modular {
		return nil
	}
	text, err := os.ReadFile(t.path(treeModules))
	if errors.Is(err, os.ErrNotExist) {
		return t.unbuilt(treeModules)
	}
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(text)) {
		// From Linux 6.2 on the list is of what modules are linked from.
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".o"), ".ko") + ".ko"
		b.modules = append(b.modules, name)
	}
	return nil
}

// key is made of the kernel's bytes and the modules' names, sizes and times: one
// module built anew leaves the kernel and its release as they were.
func (t kernelTree) key() (string, error) {
	b, err := t.look()
	if err != nil {
		return "", err
	}
	seen := newStamps()
	fmt.Fprintln(seen, t.root, b.release, digestOf(b.image), digestOf(b.config))
	for _, name := range b.modules {
		err := seen.file(t.path(name))
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("read kernel tree %q: %w", t.root, t.unbuilt(name))
		}
		if err != nil {
			return "", err
		}
	}
	return seen.sum(), nil
}

// read installs the modules into scratch, as the tree's own Makefile does it.
func (t kernelTree) read(ctx context.Context, scratch string) (*kernel, error) {
	b, err := t.look()
	if err != nil {
		return nil, err
	}
	k := newKernel(b.release)
	k.image, k.config = b.image, b.config
	if !b.modular {
		return k, nil
	}
	if err := t.install(ctx, scratch); err != nil {
		return nil, fmt.Errorf("install modules of kernel tree %q: %w", t.root, err)
	}
	modules := filepath.Join(scratch, "lib/modules", b.release)
	if _, err := os.Stat(modules); err != nil {
		made, _ := filepath.Glob(filepath.Join(scratch, "lib/modules/*"))
		return nil, fmt.Errorf("install modules of kernel tree %q: modules_install made no lib/modules/%s (it made %q): build kernel and modules together", t.root, b.release, made)
	}
	if err := k.readFolder(modules); err != nil {
		return nil, fmt.Errorf("read modules of kernel tree %q: %w", t.root, err)
	}
	return k, nil
}
