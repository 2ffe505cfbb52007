package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/internal/matrix"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// matrixLab has four cells, and a claim with a place for its number.
const matrixLab = `lab "sizes" {
  backend = "local"
}

matrix {
  nodelay = [true, false]
  size    = [1, 1000]
}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.debian
  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.debian
  nic {
    network = network.lan
  }
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

test "rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.docker0]
  rounds   = 8
  request  = matrix.size
  nodelay  = matrix.nodelay
}

expect "it costs" {
  that = ratio(test.rr, mode.docker0, mode.host, "p50") > 1.1
}
`

func writeLab(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile("lab.hcl", []byte(text), 0o644))
}

func TestMatrixList(t *testing.T) {
	folder(t)
	writeLab(t, matrixLab)
	got := invoke(t, "", "matrix", "list")
	require.Zero(t, got.status, got.stderr)
	require.Equal(t, "CELL  nodelay  size\n1     true     1\n2     true     1000\n3     false    1\n4     false    1000\n", got.stdout)
	got = invoke(t, "", "matrix", "list", "--json", "lab.hcl")
	require.Zero(t, got.status, got.stderr)
	require.JSONEq(t, `[{"cell":1,"coordinates":{"nodelay":"true","size":"1"}},{"cell":2,"coordinates":{"nodelay":"true","size":"1000"}},
		{"cell":3,"coordinates":{"nodelay":"false","size":"1"}},{"cell":4,"coordinates":{"nodelay":"false","size":"1000"}}]`, got.stdout)
}

func TestMatrixUsageMistakes(t *testing.T) {
	folder(t)
	writeLab(t, matrixLab)
	require.NoError(t, os.WriteFile("bzImage", nil, 0o644))
	require.NoError(t, os.WriteFile("relative.hcl", []byte(strings.Replace(matrixLab, `release = "trixie"`, `kernel = "./bzImage"`, 1)), 0o644))
	require.NoError(t, os.WriteFile("kernel.deb", nil, 0o644))
	require.NoError(t, os.WriteFile("package.hcl", []byte(strings.Replace(matrixLab, `release = "trixie"`, `deb = "kernel.deb"`, 1)), 0o644))
	exists := strings.NewReplacer("  backend = \"local\"\n", "", "vm \"", "machine \"", "  image = image.debian\n  nic {\n    network = network.lan\n  }\n", "  ssh = \"root@192.0.2.1\"\n  nic = \"eth1\"\n",
		"= vm.", "= machine.", "image \"debian\" {\n  release = \"trixie\"\n}\n", "").Replace(matrixLab)
	exists = strings.Replace(exists, "192.0.2.1", "192.0.2.2", 1)
	require.NoError(t, os.WriteFile("exist.hcl", []byte(exists), 0o644))
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"submit", "--engine", "slurm", "exist.hcl", "--out", "c"}, []string{"the machines of this lab exist", "testbed run"}},
		{[]string{"cell", "0", "lab.hcl", "--out", "c"}, []string{`no cell "0": its cells are 1 to 4`, "testbed matrix list lab.hcl"}},
		{[]string{"cell", "5", "lab.hcl", "--out", "c"}, []string{`no cell "5"`}},
		{[]string{"cell", "two", "lab.hcl", "--out", "c"}, []string{`no cell "two"`}},
		{[]string{"cell", "1", "lab.hcl"}, []string{"no folder for the cells", "--out DIR"}},
		{[]string{"cell"}, []string{"usage: testbed matrix cell K [LAB]"}},
		{[]string{"submit", "lab.hcl", "--out", "c"}, []string{`no engine ""`, "--engine takes slurm"}},
		{[]string{"submit", "--engine", "pbs", "lab.hcl", "--out", "c"}, []string{`no engine "pbs"`, "testbed matrix cell K"}},
		{[]string{"submit", "--engine", "slurm", "relative.hcl", "--out", "c"}, []string{"relative.hcl has paths that begin where it lies", "begin with /"}},
		{[]string{"submit", "--engine", "slurm", "package.hcl", "--out", "c"}, []string{"package.hcl has paths that begin where it lies"}},
		{[]string{"submit", "--engine", "slurm", "--backend", "icount", "lab.hcl", "--out", "c"}, []string{"does not pin image debian", "testbed images build lab.hcl"}},
		{[]string{"collect", "nowhere"}, []string{"nowhere holds no cells", "testbed matrix cell"}},
		{[]string{"frobnicate"}, []string{"unknown command"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := invoke(t, "", append([]string{"matrix"}, c.args...)...)
			require.Equal(t, exitUsage, got.status, got.stderr)
			for _, text := range c.says {
				require.Contains(t, got.stderr, text)
			}
			require.NoDirExists(t, "c", "nothing is half-made")
		})
	}
}

// rounds are the blocks of a cell in which docker0's p50 is so many times host's.
func rounds(t *testing.T, cell map[string]string, factor float64) (blocks []testbed.Block) {
	t.Helper()
	for round := range 8 {
		for _, mode := range []string{"host", "host", "docker0"} {
			ns := float64(200_000 + 37*len(blocks)%100)
			if mode == "docker0" {
				ns = math.Round(ns * factor)
			}
			b := block(t, mode, cell, 0, ns, nil)
			b.Round, b.Index = round, len(blocks)
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// gathered is a folder with cells of the lab, but for those of which the factor is 0,
// which are missing, and -1, which have failed. Even ones were measured on another node.
func gathered(t *testing.T, factors ...float64) {
	t.Helper()
	file, diagnostics := hcl.Load("lab.hcl", hcl.Options{})
	require.False(t, diagnostics.HasErrors())
	lab := *file.Lab
	id := matrix.IdentityOf(lab, testbed.Tool{Version: "1.2", AgentSHA256: "aa"})
	f, err := matrix.Open("cells", id, map[string][]byte{"lab.hcl": file.Text})
	require.NoError(t, err)
	for i, factor := range factors {
		cell := id.Cells[i]
		where := testbed.CellEnvironment{Cell: cell, Node: []string{"oslo", "bergen"}[i%2], Host: map[string]any{"cpu_model": "EPYC"}}
		if factor == 0 {
			continue
		}
		if factor < 0 {
			where.Failure = fmt.Sprintf("cell %d: kernel panic", i+1)
			_, err := f.Put(i+1, where, nil)
			require.NoError(t, err)
			continue
		}
		one := lab
		one.Cells = lab.Cells[i : i+1]
		blocks := rounds(t, cell, factor)
		r, err := report.Analyze(report.Input{Lab: one, Blocks: blocks, Backend: "local", Tool: id.Tool, Environment: testbed.Environment{Host: where.Host, Cells: []testbed.CellEnvironment{where}}})
		require.NoError(t, err)
		_, err = f.Put(i+1, where, func(dir string) error { return errors.Join(os.Mkdir(dir, 0o755), report.Write(dir, r, blocks)) })
		require.NoError(t, err)
	}
}

func TestMatrixCollect(t *testing.T) {
	for name, c := range map[string]struct {
		factors []float64
		flags   []string
		status  int
		says    []string // On either stream.
		never   string
		written bool
	}{
		"all":     {factors: []float64{1.2, 1.3, 1.2, 1.3}, written: true, says: []string{"rr by nodelay, size, on oslo, EPYC", "rr by nodelay, size, on bergen, EPYC", "are not compared with each other"}},
		"forced":  {factors: []float64{1.2, 1.3, 1.2, 1.3}, flags: []string{"--force"}, written: true, says: []string{"forced: cells of different machines"}, never: "are not compared"},
		"refuted": {factors: []float64{1.2, 1.01, 1.2, 1.2}, status: exitRefuted, written: true, says: []string{"refuted"}},
		"failed":  {factors: []float64{1.2, -1, 1.2, 1.2}, status: exitFailed, written: true, says: []string{"testbed: node bergen: cell 2: kernel panic"}},
		"missing": {factors: []float64{1.2, 0, 1.2, 0}, status: exitFailed, says: []string{"2 of 4 cells are missing in cells: cell 2 nodelay=true size=1000; cell 4 nodelay=false size=1000", "hint: testbed matrix cell 2 cells/matrix/lab.hcl --out cells"}},
		"none":    {factors: []float64{-1, -1, -1, -1}, status: exitFailed, says: []string{"node oslo: cell 1: kernel panic", "in none of them anything was measured"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder(t)
			writeLab(t, matrixLab)
			gathered(t, c.factors...)
			got := invoke(t, "", append([]string{"matrix", "collect", "cells", "--out", "result"}, c.flags...)...)
			require.Equal(t, c.status, got.status, got.stderr)
			both := strings.Join(strings.Fields(got.stdout+" "+got.stderr), " ")
			for _, text := range c.says {
				require.Contains(t, both, text)
			}
			if c.never != "" {
				require.NotContains(t, both, c.never)
			}
			if !c.written {
				require.NoDirExists(t, "result")
				return
			}
			for _, name := range []string{"result.json", "report.html", "report.md", "blocks.jsonl", "plan.json", "lab.hcl"} {
				require.FileExists(t, filepath.Join("result", name))
			}
			r, _, err := report.Read("result")
			require.NoError(t, err)
			require.Len(t, r.Tests, 4)
			require.Len(t, r.Environment.Cells, 4)
			again := invoke(t, "", "matrix", "collect", "cells", "--out", "result")
			require.Equal(t, exitUsage, again.status, "a result never overwrites another")
		})
	}
}

func TestMatrixCollectAsJSON(t *testing.T) {
	folder(t)
	writeLab(t, matrixLab)
	gathered(t, 1.2, 1.2, 1.2, 1.2)
	got := invoke(t, "", "matrix", "collect", "cells", "--json", "--force")
	require.Zero(t, got.status, got.stderr)
	require.Contains(t, got.stdout, `"mixed": true`)
	require.FileExists(t, "results/sizes/latest/result.json")

	require.NoError(t, os.WriteFile("cells/matrix/lab.hcl", []byte(matrixLab+"\n"), 0o644))
	got = invoke(t, "", "matrix", "collect", "cells")
	require.Equal(t, exitFailed, got.status)
	require.Contains(t, got.stderr, "is another file than the one that was measured")
}
