package hcl_test

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/testbed"
)

// claimed is a lab with one claim over test.t and mode.m.
func claimed(claim string) string {
	return strings.Replace(`
lab "claims" {}
image "i" {
  release = "trixie"
}
network "lan" {
  subnet = "10.77.0.0/24"
}
vm "node" {
  count = 2
  image = image.i
  nic {
    network = network.lan
  }
}
mode "m" {
  kind = "macvlan"
}
mode "each" {
  for_each = ["l2", "l3"]
  kind     = "ipvlan"
  mode     = each.key
}
test "t" {
  protocol = "tcp_rr"
  client   = vm.node[0]
  server   = vm.node[1]
  modes    = concat([mode.m], values(mode.each))
}
variable "limit" {
  default = 1.5
}
locals {
  zero = 0
}
expect "claim" {
  that = CLAIM
}
`, "CLAIM", claim, 1)
}

func predicate(t *testing.T, claim string) testbed.Predicate {
	t.Helper()
	file, diags := hcl.Parse([]byte(claimed(claim)), "claims.hcl", hcl.Options{})
	require.NotNil(t, file, rendered(t, diags))
	require.Equal(t, claim, file.Lab.Expectations[0].Source)
	require.Len(t, file.Predicates(), 1)
	require.Len(t, file.Predicates()[0], 1)
	return file.Predicates()[0][0]
}

// values knows p50 of host and m, and the ratio of the two; nothing of l3.
func values(m testbed.Metric) (float64, bool) {
	known := map[testbed.Metric]float64{
		{Function: "p50", Test: "t", Mode: "host"}:                           100,
		{Function: "p50", Test: "t", Mode: "m"}:                              120,
		{Function: "mean", Test: "t", Mode: "m"}:                             math.NaN(),
		{Function: "rate", Test: "t", Mode: "m"}:                             math.Inf(1),
		{Function: "ratio", Test: "t", Mode: "m", Base: "host", Name: "p50"}: 1.2,
		{Function: "p50", Test: "t", Mode: "each-l2"}:                        90,
		{Function: "capability", Mode: "m", Name: "service"}:                 1,
		{Function: "capability", Test: "t", Mode: "host", Name: "service"}:   0,
	}
	v, ok := known[m]
	return v, ok
}

// A claim is true, false, or open where what decides it is not known.
func TestPredicate(t *testing.T) {
	for claim, want := range map[string]testbed.Truth{
		`p50(test.t, mode.m) > p50(test.t, mode.host)`:                            testbed.True,
		`p50(test.t, mode.m) < p50(test.t, mode.host)`:                            testbed.False,
		`p50(test.t, mode.each["l2"]) < 100`:                                      testbed.True,
		`ratio(test.t, mode.m, mode.host, "p50") < var.limit`:                     testbed.True,
		`p99(test.t, mode.m) > 1`:                                                 testbed.Unknown,
		`p50(test.t, mode.m) == 120 || p99(test.t, mode.m) > 1`:                   testbed.True,
		`p99(test.t, mode.m) > 1 || p50(test.t, mode.m) == 120`:                   testbed.True,
		`p50(test.t, mode.m) == 1 || p99(test.t, mode.m) > 1`:                     testbed.Unknown,
		`p50(test.t, mode.m) == 1 && p99(test.t, mode.m) > 1`:                     testbed.False,
		`p99(test.t, mode.m) > 1 && p50(test.t, mode.m) == 1`:                     testbed.False,
		`p50(test.t, mode.m) == 120 && p99(test.t, mode.m) > 1`:                   testbed.Unknown,
		`!(p99(test.t, mode.m) > 1)`:                                              testbed.Unknown,
		`p99(test.t, mode.m) > 1 ? true : true`:                                   testbed.Unknown,
		`mean(test.t, mode.m) > 1`:                                                testbed.Unknown,
		`rate(test.t, mode.m) > 1`:                                                testbed.Unknown,
		`max(p50(test.t, mode.m), p50(test.t, mode.host)) == 120`:                 testbed.True,
		`(p50(test.t, mode.m) - 120) / (p50(test.t, mode.host) - 100) > 1`:        testbed.Unknown,
		`capability(mode.m, "service")`:                                           testbed.True,
		`capability(test.t, mode.host, "service")`:                                testbed.False,
		`capability(mode.m, "dhcp")`:                                              testbed.Unknown,
		`length([for m in values(mode.each) : m if p50(test.t, mode.m) > 1]) > 1`: testbed.True,
	} {
		require.Equal(t, want, predicate(t, claim)(values), claim)
	}
}

// Every metric reaches the lookup under its own name.
func TestPredicateAsks(t *testing.T) {
	var asked []testbed.Metric
	predicate(t, `p50(test.t, mode.m) + p90(test.t, mode.m) + p99(test.t, mode.m) + p999(test.t, mode.m) + mean(test.t, mode.m) + rate(test.t, mode.m) + instructions(test.t, mode.m) + softirqs(test.t, mode.m) + backlog(test.t, mode.m) + calls(test.t, mode.m) + ratio(test.t, mode.each["l2"], mode.m, "p999") > 0`)(
		func(m testbed.Metric) (float64, bool) {
			asked = append(asked, m)
			return 1, true
		})
	var want []testbed.Metric
	for _, name := range []string{"p50", "p90", "p99", "p999", "mean", "rate", "instructions", "softirqs", "backlog", "calls"} {
		want = append(want, testbed.Metric{Function: name, Test: "t", Mode: "m"})
	}
	want = append(want, testbed.Metric{Function: "ratio", Test: "t", Mode: "each-l2", Base: "m", Name: "p999"})
	require.Empty(t, cmp.Diff(want, asked))
}

// Resamples are judged side by side.
func TestPredicateConcurrently(t *testing.T) {
	p := predicate(t, `length([for x in [1, 2, 3] : x if x * p50(test.t, mode.m) > 240]) == 1 && [for x in [{ a = 1 }][*].a : x][0] == 1`)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				if p(values) != testbed.True {
					t.Error("want true")
					return
				}
			}
		})
	}
	wait.Wait()
}

// In a matrix each cell has predicates of its own, with the cell's values.
func TestPredicatePerCell(t *testing.T) {
	text := claimed(`p50(test.t, mode.m) > matrix.limit`) + "matrix {\n  limit = [100, 200]\n}\n"
	file, diags := hcl.Parse([]byte(text), "claims.hcl", hcl.Options{})
	require.NotNil(t, file, rendered(t, diags))
	require.Len(t, file.Lab.Expectations, 1)
	require.Len(t, file.Predicates(), 2)
	require.Equal(t, testbed.True, file.Predicates()[0][0](values))
	require.Equal(t, testbed.False, file.Predicates()[1][0](values))
}

// A published claim says where; what it says may use what the lab has.
func TestPublished(t *testing.T) {
	text := strings.Replace(claimed(`p50(test.t, mode.m) > 100`), "that =", "published = \"figure ${1 + 1}\"\n  that =", 1)
	file, diags := hcl.Parse([]byte(text), "claims.hcl", hcl.Options{})
	require.NotNil(t, file, rendered(t, diags))
	require.Equal(t, "figure 2", file.Lab.Expectations[0].Published)
	_, diags = hcl.Parse([]byte(strings.Replace(text, `"figure ${1 + 1}"`, "[1]", 1)), "claims.hcl", hcl.Options{})
	require.Contains(t, rendered(t, diags), "published")
	file, _ = hcl.Parse([]byte(claimed(`p50(test.t, mode.m) > 100`)), "claims.hcl", hcl.Options{})
	require.Empty(t, file.Lab.Expectations[0].Published)
}

func BenchmarkPredicate(b *testing.B) {
	file, _ := hcl.Parse([]byte(claimed(`ratio(test.t, mode.m, mode.host, "p50") < var.limit`)), "claims.hcl", hcl.Options{})
	p := file.Predicates()[0][0]
	for b.Loop() {
		p(values)
	}
}
