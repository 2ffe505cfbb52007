package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// none stands where a number cannot be given; a note says why.
const none = "—"

// latency writes a figure of the test's unit: nanoseconds as microseconds, to
// about four digits, which is what a histogram of three digits and the noise of
// a block can carry; a count as it is.
func latency(v float64, unit string) string {
	if unit != "ns" {
		return grouped(v, 0)
	}
	return grouped(v/1000, decimals(v/1000))
}

// decimals keeps about four digits.
func decimals(v float64) int {
	switch {
	case v < 9.9995:
		return 3
	case v < 99.995:
		return 2
	case v < 999.95:
		return 1
	}
	return 0
}

// columnUnit is what stands in a column's heading; a table of counts says in its
// caption of what.
func columnUnit(unit string) string {
	if unit == testbed.UnitInstructions {
		return ""
	}
	return latencyUnit(unit)
}

func latencyUnit(unit string) string {
	if unit == "ns" {
		return "µs"
	}
	return unit
}

func perSecond(v float64) string {
	if v < 99.95 {
		return grouped(v, 1)
	}
	return grouped(v, 0)
}

func ratioText(v float64) string {
	return grouped(v, decimals(v))
}

func intervalText(e testbed.Estimate) string {
	if e.Lo == nil || e.Hi == nil {
		return ""
	}
	return "[" + ratioText(*e.Lo) + ", " + ratioText(*e.Hi) + "]"
}

// difference is a signed latency, to the digits of what it is added to.
func difference(v, to float64, unit string) string {
	sign := "+"
	if v < 0 {
		sign = "−"
	}
	if unit != "ns" {
		return sign + grouped(math.Abs(v), 0)
	}
	return sign + grouped(math.Abs(v)/1000, decimals(to/1000))
}

// grouped writes a number with a comma each three digits.
func grouped(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}

// count is a number with its noun: "1 round", "10 rounds".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(float64(n), 0) + " " + noun + "s"
}

func seconds(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f s", v)
	}
	return fmt.Sprintf("%.0f s", v)
}

// blockLength says what ended a block.
func blockLength(b testbed.BlockLength) string {
	if b.Transactions > 0 {
		return count(b.Transactions, "transaction")
	}
	if ms := float64(b.Nanoseconds) / 1e6; ms < 1000 {
		return strconv.FormatFloat(ms, 'g', 4, 64) + " ms"
	}
	return strconv.FormatFloat(float64(b.Nanoseconds)/1e9, 'g', 4, 64) + " s"
}

// list joins names as a sentence does.
func list(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}
