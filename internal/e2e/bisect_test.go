package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/internal/e2e/harness"
)

// treeMakefile is as much of a kernel tree's as a bisect asks for: what is built is a
// kernel of Debian's, unpacked, as the file "which" names it.
const treeMakefile = `K := KERNELS/$(shell cat which)
all:
	mkdir -p arch/x86/boot include/config && rm -f arch/x86/boot/bzImage && cp $(K)/bzImage arch/x86/boot/
	ls $(K)/modules > include/config/kernel.release
	printf 'CONFIG_64BIT=y\nCONFIG_X86_64=y\nCONFIG_MODULES=y\n' > .config
	cp which all.ko && echo all.ko > modules.order
modules_install:
	mkdir -p $(INSTALL_MOD_PATH)/lib && cp -r $(K)/modules $(INSTALL_MOD_PATH)/lib/
`

// TestBisectStep: git bisect run finds the commit in which the tree's kernel changed, past
// one that does not build and one that is no kernel. Of eight commits two kernels are
// measured, since the rest are the same to the byte.
func TestBisectStep(t *testing.T) {
	u := newUser(t)
	kernels := filepath.Join(u.dir, "kernels")
	u.unpackKernel("trixie", filepath.Join(kernels, "old"))
	u.unpackKernel("trixie-backports", filepath.Join(kernels, "new"))
	require.NoError(t, os.MkdirAll(filepath.Join(kernels, "junk", "modules", "1"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(kernels, "junk", "bzImage"), []byte("no kernel"), 0o644))

	lab := u.lab("bisected.hcl", "bisected", "RELEASE", "trixie")
	tree := filepath.Join(u.dir, "linux")
	require.NoError(t, os.Mkdir(tree, 0o755))
	git := u.git(tree)
	git(0, "init", "-q")
	commits := []string{"old", "old", "broken", "old", "new", "junk", "new", "new"}
	for _, which := range commits {
		writeTree(t, tree, kernels, which)
		git(0, "add", ".")
		git(0, "commit", "-q", "--allow-empty", "-m", which)
	}
	step := []string{"bisect-step", lab, "--tree", tree, "--build", "make -s"}

	none := u.try(step...)
	require.Equal(t, 128, none.status, "nothing to judge by stops git")
	git(0, "checkout", "-q", "HEAD~7")
	require.Contains(t, u.do(append(step, "--as", "good")...).stdout, "good: 6.12.")
	git(0, "checkout", "-q", "master")
	require.Contains(t, u.do(append(step, "--as", "bad")...).stdout, "bad: 7.")

	for at, want := range map[string]string{"HEAD~5": "make -s", "HEAD~2": "read kernel"} {
		git(0, "checkout", "-q", at)
		skipped := u.try(step...)
		require.Equal(t, 125, skipped.status, skipped.stderr)
		require.Contains(t, skipped.stdout, want)
		git(0, "checkout", "-q", "master")
	}

	git(0, "bisect", "start", "master", "master~7")
	answer := git(0, append([]string{"bisect", "run", program}, step...)...)
	first := strings.TrimSpace(git(0, "rev-parse", "master~3"))
	require.Contains(t, answer, first+" is the first bad commit", answer)
	require.Regexp(t, `bad: \+[23]\.\d+% against the good version\nhost in udp_rr: mean 2[34],\d{3} → 2[45],\d{3} instructions, \+[23]\.\d%`, answer)
	measured, err := filepath.Glob(filepath.Join(filepath.Dir(lab), "bisect", "*", "tree", "*", "result.json"))
	require.NoError(t, err)
	require.Len(t, measured, 4, "two kernels, each under its name and as an end")
	require.Empty(t, remains(t, owner))
}

func writeTree(t *testing.T, tree, kernels, which string) {
	t.Helper()
	for name, text := range map[string]string{
		"Makefile": strings.ReplaceAll(treeMakefile, "KERNELS", kernels), "which": which + "\n", ".gitignore": "arch\ninclude\n.config\nall.ko\nmodules.order\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644))
	}
}

// git runs git in a tree, as somebody whom no configuration knows.
func (u *user) git(tree string) func(status int, args ...string) string {
	return func(status int, args ...string) string {
		u.t.Helper()
		cmd := harness.Command(u.t, append([]string{"git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "init.defaultBranch=master"}, args...)...)
		cmd.Dir, cmd.Env = tree, append(u.env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
		stdout, stderr, ended := harness.Run(u.t, cmd)
		require.Equal(u.t, status, ended, "git %v\n%s%s", args, stdout, stderr)
		return stdout
	}
}

// lockedPackage finds the packages of the image in a lock file.
var lockedPackage = regexp.MustCompile(`package "(linux-[^"]*)" \{[^}]*sha256\s*=\s*"([0-9a-f]{64})"`)

// unpackKernel lays a release's newest kernel out as a tree would be built: bzImage, and
// a folder of modules by their version.
func (u *user) unpackKernel(release, to string) {
	u.t.Helper()
	lab := u.lab("bisected.hcl", "unpack-"+release, "RELEASE", release)
	u.do("images", "build", lab)
	cache, err := os.UserCacheDir()
	require.NoError(u.t, err)
	root := filepath.Join(to, "root")
	require.NoError(u.t, os.MkdirAll(root, 0o755))
	lock, err := os.ReadFile(strings.TrimSuffix(lab, ".hcl") + ".lock.hcl")
	require.NoError(u.t, err)
	packages := lockedPackage.FindAllStringSubmatch(string(lock), -1)
	require.NotEmpty(u.t, packages)
	for _, p := range packages {
		blob := filepath.Join(cache, "testbed", "archive", "sha256-"+p[2])
		out, err := harness.Command(u.t, "dpkg-deb", "-x", blob, root).CombinedOutput()
		require.NoError(u.t, err, "%s: %s", p[1], out)
	}
	kernel := append(glob(u.t, root, "boot/vmlinuz-*"), glob(u.t, root, "usr/lib/modules/*/vmlinuz")...)
	require.Len(u.t, kernel, 1)
	require.NoError(u.t, os.Rename(kernel[0], filepath.Join(to, "bzImage")))
	modules := glob(u.t, root, "usr/lib/modules")
	require.Len(u.t, modules, 1)
	require.NoError(u.t, os.Rename(modules[0], filepath.Join(to, "modules")))
}

func glob(t testing.TB, root, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, pattern))
	require.NoError(t, err)
	return found
}
