package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// detailsTable is what stands behind a test's table: how sure a verdict is, and
// whether the blocks were sound. A p value stands beside its effect.
func detailsTable(t testbed.TestResult) *table {
	ran := t
	ran.Modes = slices.DeleteFunc(slices.Clone(t.Modes), func(m testbed.ModeResult) bool { return m.Status != testbed.StatusOK })
	d := tableOf(ran, detailFields(t))
	d.Test, d.Cell = t.Name+" in detail", CellText(t.Cell)
	d.Caption = "shows: the smallest ratio that these rounds would show in four of five runs · drift: p50 of a block's second half over its first"
	if isCounted(t) {
		d.Caption = strings.Replace(d.Caption, "rounds", "seeds", 1)
	} else {
		d.Caption += " · rate × mean: transactions under way at once"
	}
	if t.Settings.Warmup > 0 {
		d.Caption += " · warm-up of " + pause(t, t.Settings.Warmup)
	}
	for _, m := range t.Modes {
		if claim := m.Claims["p50"]; compared(m) && claim.Reason != "" {
			d.Notes = append(d.Notes, note{Text: fmt.Sprintf("%s: %s: %s", m.Name, claim.Verdict, claim.Reason)})
		}
	}
	for _, name := range shown[:len(shown)-1] {
		if !slices.Contains(percentilesOf(t), name) {
			for _, text := range percentileNotes(t, name) {
				d.Notes = append(d.Notes, note{Text: text})
			}
		}
	}
	return &d
}

func detailFields(t testbed.TestResult) []field {
	us := columnUnit(t.Unit)
	fields := []field{
		modeField,
		{column{Name: "ratio", Title: "× host"}, ratioCell, ratioFrom},
		{column{Name: "interval", Title: "95% interval"}, func(m testbed.ModeResult) string { return intervalText(ratioShown(t, m)) }, intervalFrom},
		{column{Name: "p", Title: "Holm's p"}, holmCell, at("claims/p50/p_holm")},
		{column{Name: "shows", Title: "shows"}, showsCell, at("claims/p50/minimum_effect")},
		{column{Name: "added", Title: "added", Unit: us}, func(m testbed.ModeResult) string { return addedCell(t, m) }, at("added_to_host/p50/estimate")},
		{column{Name: "added-interval", Title: "95% interval"}, func(m testbed.ModeResult) string { return addedInterval(t, m) }, at("added_to_host/p50/lo", "added_to_host/p50/hi")},
		meanField(t, 0),
		{column{Name: "drift", Title: "drift"}, func(m testbed.ModeResult) string { return plainRatio(m.Drift) }, at("drift/estimate")},
		{column{Name: "drift-interval", Title: "95% interval"}, func(m testbed.ModeResult) string { return intervalText(m.Drift) }, at("drift/lo", "drift/hi")},
		{column{Name: "concurrency", Title: "rate × mean"}, concurrencyCell, at("concurrency")},
		{column{Name: "blocks", Title: "blocks"}, func(m testbed.ModeResult) string { return grouped(float64(m.Blocks), 0) }, at("blocks")},
		{column{Name: "transactions", Title: "transactions"}, func(m testbed.ModeResult) string { return grouped(float64(m.Transactions), 0) }, at("transactions")},
	}
	if slices.Contains(percentilesOf(t), "p999") { // A narrow page's table has no room for it.
		fields = slices.Insert(fields, 7, latencyField(t, "p999", column{Name: "tail", Title: percentileTitle("p999"), Unit: us}))
	}
	if isCounted(t) { // The mean stands in the test's own table, and there is no rate.
		fields = slices.DeleteFunc(fields, func(f field) bool { return f.Name == "mean" || f.Name == "concurrency" })
	}
	return fields
}

func holmCell(m testbed.ModeResult) string {
	p := m.Claims["p50"].P
	switch {
	case p == nil:
		return ""
	case *p < 0.0001:
		return "< 0.0001"
	}
	return strconv.FormatFloat(*p, 'g', 2, 64)
}

func showsCell(m testbed.ModeResult) string {
	if effect := m.Claims["p50"].MinimumEffect; effect != nil {
		return ratioText(*effect)
	}
	return ""
}

func concurrencyCell(m testbed.ModeResult) string {
	if m.Concurrency == nil {
		return none
	}
	return ratioText(*m.Concurrency)
}
