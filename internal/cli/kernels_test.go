package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/examples"
)

// lockedList is a list of kernels as a run has kept it.
const lockedList = `
version = 1

kernels "6.12" "7.3" {
  suites = []

  kernel "6.12.107-1" {
    suite          = "trixie"
    kernel_release = "6.12.107+deb13-cloud-amd64"
  }

  kernel "7.3.4-1~bpo13+1" {
    suite          = "trixie-backports"
    kernel_release = "7.3.4+deb13-cloud-amd64"
  }
}
`

// TestKernelsOfLab: a list that the lock has needs no mirror, and without it the mistake
// stands at its place in the file; nothing is written by a look at a file.
func TestKernelsOfLab(t *testing.T) {
	folder(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TESTBED_MIRROR", "file:///nowhere")
	lab := strings.Replace(examples.First, `release = "trixie"`, "for_each       = kernels(\"6.12\", \"7.3\")\n  kernel_version = each.value", 1)
	lab = strings.ReplaceAll(lab, "image.debian", "image.debian[matrix.kernel]")
	lab += "\nmatrix {\n  kernel = kernels(\"6.12\", \"7.3\")\n}\n"
	require.NoError(t, os.WriteFile("lab.hcl", []byte(lab), 0o644))

	unreachable := invoke(t, "", "validate")
	require.Equal(t, exitUsage, unreachable.status)
	require.Contains(t, unreachable.stderr, `kernels("6.12", "7.3")`)
	require.Contains(t, unreachable.stderr, "none of the suites")
	require.NoFileExists(t, "lab.lock.hcl")

	require.NoError(t, os.WriteFile("lab.lock.hcl", []byte(lockedList), 0o644))
	valid := invoke(t, "", "validate")
	require.Equal(t, exitDone, valid.status, valid.stderr)
	require.Equal(t, exitDone, invoke(t, "", "fmt", "--check").status)
	kept, err := os.ReadFile("lab.lock.hcl")
	require.NoError(t, err)
	require.Equal(t, lockedList, string(kept))
}

func TestKernelListWithoutMirror(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	got := invoke(t, "", "kernel", "list", "--mirror", "file:///nowhere", "--release", "trixie")
	require.Equal(t, exitFailed, got.status)
	require.Empty(t, got.stdout)
	require.Contains(t, got.stderr, "kernels of trixie are left out: the mirror file:///nowhere has no suite")
	require.Contains(t, got.stderr, "name others, or another mirror")
}
