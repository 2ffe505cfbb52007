package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func drawn(t testing.TB, r testbed.Result, opt TerminalOptions) string {
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, r, opt))
	return b.String()
}

var attributes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTerminalFits(t *testing.T) {
	long := typical()
	long.modes = []string{"host", "ipvlan_l3s_with_the_private_flag_and_more", "コンテナの通信遅延を測る", strings.Repeat("x", 200), "ipvlan_l2"}
	long.factors = map[string]float64{"ipvlan_l2": 1.1}
	slow := typical()
	slow.base, slow.transactions = 40e6, 1100
	many := kernels(typical())
	for _, name := range []string{"forky", strings.Repeat("long", 30), "6.12.48+deb13-cloud-amd64", "sid"} {
		many.cells = append(many.cells, testbed.Cell{Coordinates: []testbed.Coordinate{{Name: "kernel", Value: name}}})
	}
	many.transactions = 250
	few := typical()
	few.rounds, few.transactions = 3, 20
	verdicts, _ := judged(t)
	for name, r := range map[string]testbed.Result{
		"typical": verdicts, "long": long.result(t), "slow": slow.result(t), "matrix": many.result(t), "few": few.result(t),
	} {
		for _, width := range []int{40, 60, 80, 100, 120} {
			plainText := drawn(t, r, TerminalOptions{Width: width})
			for _, line := range strings.Split(plainText, "\n") {
				assert.LessOrEqual(t, columnsOf(line), width, "%s at %d: %q", name, width, line)
				assert.Equal(t, strings.TrimRight(line, " "), line, "%s at %d", name, width)
			}
			colored := drawn(t, r, TerminalOptions{Width: width, Color: true})
			assert.Equal(t, strings.Fields(plainText), strings.Fields(attributes.ReplaceAllString(colored, "")), "colour adds no word")
		}
	}
	at80 := drawn(t, long.result(t), TerminalOptions{})
	for _, head := range []string{"p50 µs", "p99 µs", "rate /s", "× host", "95% interval", "within noise"} {
		assert.Contains(t, at80, head, "long names cost no column at 80")
	}
}

func TestTerminalIsSafe(t *testing.T) {
	w := typical()
	w.tests = []string{"tcp_rr"}
	w.unsupported = map[string]string{"routed": "\x1b]0;owned\x07 no\nCONFIG_VETH\u202e"}
	r := w.result(t)
	r.Warnings = append(r.Warnings, "bad \x1b[2J byte \xff")
	text := drawn(t, r, TerminalOptions{})
	assert.NotContains(t, text, "\x1b")
	assert.NotContains(t, text, "\x07")
	assert.NotContains(t, text, "\u202e")
	assert.Contains(t, text, "no CONFIG_VETH")
}

func TestTerminalSaysWhatIsMissing(t *testing.T) {
	w := typical()
	w.tests, w.transactions = []string{"tcp_rr"}, 900
	text := drawn(t, w.result(t), TerminalOptions{})
	assert.Contains(t, text, "100 needed: 12 rounds of this length")
	assert.Contains(t, text, none)
	w.rounds = 5
	text = drawn(t, w.result(t), TerminalOptions{})
	assert.Contains(t, text, "no interval")
}

func TestShorten(t *testing.T) {
	assert.Equal(t, "short", shorten("short", 6))
	assert.Equal(t, "ipv…l3s", shorten("ipvlan_private_l3s", 7))
	assert.LessOrEqual(t, columnsOf(shorten("コンテナの通信遅延", 8)), 8)
}

func TestWrap(t *testing.T) {
	assert.Equal(t, []string{"aa bb", "cc"}, wrap("aa bb cc", 5))
	assert.Equal(t, []string{"abcde", "fgh i"}, wrap("abcdefgh i", 5))
	assert.Empty(t, wrap("  ", 5))
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{812: "0.812", 9876: "9.876", 24310: "24.31", 251340: "251.3", 1234567: "1,235", 98765432: "98,765"} {
		assert.Equal(t, want, latency(v, "ns"))
	}
	assert.Equal(t, "12,346", latency(12345.6, "instructions"))
	for v, want := range map[float64]string{83.44: "83.4", 3912.2: "3,912", 1234567: "1,234,567"} {
		assert.Equal(t, want, perSecond(v))
	}
	for v, want := range map[float64]string{1.1994: "1.199", 12.345: "12.35", 123.44: "123.4", 0.98712: "0.987"} {
		assert.Equal(t, want, ratioText(v))
	}
	assert.Equal(t, "+52.5", difference(52512, 247200, "ns"))
	assert.Equal(t, "−0.6", difference(-593, 247200, "ns"))
	assert.Equal(t, "1 round", count(1, "round"))
	assert.Equal(t, "1,500 rounds", count(1500, "round"))
	assert.Equal(t, "250 ms", blockLength(testbed.BlockLength{Nanoseconds: 250e6}))
	assert.Equal(t, "2 s", blockLength(testbed.BlockLength{Nanoseconds: 2e9}))
	assert.Equal(t, "2,000 transactions", blockLength(testbed.BlockLength{Transactions: 2000}))
	assert.Equal(t, "a, b and c", list([]string{"a", "b", "c"}))
}
