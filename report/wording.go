package report

// PageStyle is the style sheet of the page, for other pages that are to look like it.
func PageStyle() string { return pageStyle }

// ValueText writes a figure with its unit, to about four digits: ns as µs, counts as they
// are; without a unit it is a ratio.
func ValueText(v float64, unit string) string {
	if unit == "" {
		return ratioText(v)
	}
	return latency(v, unit) + " " + latencyUnit(unit)
}

// ChangeText is a relative change: 0.021 is +2.1%. Small ones have more digits.
func ChangeText(change float64) string { return changeText(1 + change) }
