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

// labOfKernels is a lab over the kernels of the list.
func labOfKernels(lab string) string {
	lab = strings.Replace(lab, `release = "trixie"`, "for_each       = kernels(\"6.12\", \"7.3\")\n  kernel_version = each.value", 1)
	lab = strings.ReplaceAll(lab, "image.debian", "image.debian[matrix.kernel]")
	return lab + overKernels
}

const overKernels = `
matrix {
  kernel = kernels("6.12", "7.3")
}
`

// TestKernelsToManyMachines: the list goes with the copy that the machines share, and
// means the same there, without a mirror.
func TestKernelsToManyMachines(t *testing.T) {
	dir := folder(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TESTBED_MIRROR", "file:///nowhere")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	require.NoError(t, os.WriteFile("sbatch", []byte("#!/bin/sh\necho 42\n"), 0o755))
	writeLab(t, examples.First+overKernels) // Which local machines cannot boot, but may be told.
	require.NoError(t, os.WriteFile("lab.lock.hcl", []byte(lockedList), 0o644))

	got := invoke(t, "", "matrix", "submit", "--backend", "local", "--engine", "slurm", "lab.hcl", "--out", "cells")
	require.Equal(t, exitDone, got.status, got.stderr)
	require.Equal(t, "42\n", got.stdout)
	require.Contains(t, got.stderr, "submitted 2 cells")
	copied, err := os.ReadFile("cells/matrix/lab.lock.hcl")
	require.NoError(t, err)
	require.Contains(t, string(copied), `kernel "7.3.4-1~bpo13+1"`)
	require.Equal(t, exitDone, invoke(t, "", "validate", "--backend", "local", "cells/matrix/lab.hcl").status)
}

// TestKernelsOfLab: a list that the lock has needs no mirror, and without it the mistake
// stands at its place in the file; nothing is written by a look at a file.
func TestKernelsOfLab(t *testing.T) {
	folder(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TESTBED_MIRROR", "file:///nowhere")
	writeLab(t, labOfKernels(examples.First))

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
