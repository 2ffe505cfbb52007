package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/report"
)

// RigText is a rig in a few words, each once.
func RigText(rig []report.Common) string {
	var parts []string
	for _, c := range rig {
		text := c.Value
		if c.What == "QEMU" && text != "" {
			text = "QEMU " + text
		}
		if text != "" && text != "—" && !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " · ")
}

// MetricText says what a metric is.
func MetricText(metric string) string {
	switch metric {
	case MetricRatio:
		return "p50 as a multiple of host's"
	case MetricInstructions:
		return "instructions a transaction"
	}
	return metric
}

// PText writes a p value to two digits, those that no test can tell from 0 as a limit.
func PText(p float64) string {
	if p < 1e-15 {
		return "< 1e-15"
	}
	return strconv.FormatFloat(p, 'g', 2, 64)
}

// DateText is when a result was measured.
func DateText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// IntervalText is a point's interval; empty without one.
func IntervalText(p Point, unit string) string {
	if p.Lo == nil || p.Hi == nil {
		return ""
	}
	return fmt.Sprintf("[%s, %s]", strings.TrimSuffix(report.ValueText(*p.Lo, unit), " µs"), strings.TrimSuffix(report.ValueText(*p.Hi, unit), " µs"))
}

// TurnText is which kernel came with a point, and which was before, where they differ.
func TurnText(s Series, index int) string {
	now := strings.Join(s.Points[index].Kernels, ", ")
	if index == 0 {
		return now
	}
	if before := strings.Join(s.Points[index-1].Kernels, ", "); before != now {
		return before + " → " + now
	}
	return now
}

// Together says that two series are of one test in one cell on one rig.
func Together(a, b Series) bool {
	return a.group() == b.group()
}
