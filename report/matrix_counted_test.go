package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

// The matrix of counts has instructions, ratio to host and change to the kernel before,
// three kernels beside each other in 80 columns.
func TestCountedMatrix(t *testing.T) {
	r := threeKernels(1).result(t)
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, r, TerminalOptions{}))
	require.Contains(t, b.String(), `
p50 in instructions per transaction, both ends, and its change to the kernel
before; beneath, as a multiple of host's in the same cell

mode     bookworm        trixie  trixie-backports
─────────────────────────────────────────────────
host       30,008  31,503 +5.0%    31,533 +0.10%?
docker0    43,004  45,714 +6.3%    44,114   −3.5%
            1.433   1.451           1.399
macvlan    30,506  32,008 +4.9%    32,037 +0.09%?
            1.017   1.016           1.016

docker0, bookworm → trixie: +2,700 instructions a transaction (mean); of that
path +2,700
docker0, trixie → trixie-backports: −1,600 instructions a transaction (mean); of
that path −1,600
host, bookworm → trixie: +1,500 instructions a transaction (mean); of that path
+1,500
?: 1 seed, and a seed's layout moves a figure as much (some 0.4%, or as much as
host differs from itself); three or more would tell (seeds = 3)
`)
	b.Reset()
	require.NoError(t, Markdown(&b, r))
	require.Contains(t, b.String(), "| docker0 | 43,004; 1.433 × host | 45,714 +6.3%; 1.451 × host | 44,114 −3.5%; 1.399 × host |\n")
	require.Contains(t, b.String(), "| host | 30,008 | 31,503 +5.0% | 31,533 +0.10%? |\n")
	b.Reset()
	require.NoError(t, HTML(&b, r, threeKernels(1).blocks(t)))
	require.Contains(t, b.String(), `<span class="count">44,114 <span class="change">−3.5%</span></span>1.399 × host</td>`)

	text, err := JSON(r)
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
}

// Of several seeds the interval of the paired differences decides: what is clear of none is
// a change, however small, and what is not is marked, however large.
func TestChangesAreGatedBySeeds(t *testing.T) {
	w := threeKernels(6)
	for mode, level := range map[string]int64{"host": 31503, "docker0": 45700, "macvlan": 32100} {
		w.level["trixie-backports"][mode] = level
	}
	m := matrixTables(w.result(t))[0]
	last := func(mode int) string { return m.Rows[mode].Ratios[2].Change }
	require.Equal(t, "−0.02%?", last(0), "seeds move it by more")
	require.Contains(t, last(1), "?")
	require.NotContains(t, last(2)+m.Rows[1].Ratios[1].Change, uncertain)
	require.Contains(t, m.Notes, "?: no change beyond the interval over the seeds' paired differences")

	alone := threeKernels(3)
	alone.level["trixie"] = alone.level["bookworm"]
	alone.scatter = []int64{0, 0, 0}
	r := alone.result(t)
	require.Equal(t, "0%", matrixTables(r)[0].Rows[1].Ratios[1].Change, "the same to the last digit is no change")
	require.NotNil(t, r.Tests[1].Modes[1].ToPrevious.P50.Lo)
}

// What was timed makes no claim from cell to cell.
func TestTimedMatrixHasNoChange(t *testing.T) {
	r := kernels(typical()).result(t)
	for _, test := range r.Tests {
		for _, m := range test.Modes {
			require.Nil(t, m.ToPrevious)
		}
	}
	require.Equal(t, "p50 as a multiple of host's in the same cell; host's own p50 in its row", matrixTables(r)[0].About)
}

// With more coordinates than the kernel, the cell before is that of the same others.
func TestPreviousKernel(t *testing.T) {
	at := func(kernel, size string) *trial {
		return &trial{test: testbed.Test{Name: "rr", Transactions: 1}, coordinates: map[string]string{"kernel": kernel, "size": size}}
	}
	old1, old2, new1, new2 := at("old", "1"), at("old", "2"), at("new", "1"), at("new", "2")
	require.Nil(t, old1.previous(nil))
	require.Same(t, old1, old2.previous([]*trial{old1}))
	require.Same(t, old1, new1.previous([]*trial{old1, old2}))
	require.Same(t, old2, new2.previous([]*trial{old1, old2, new1}))
}
