package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

func started(r testbed.Result) string {
	return r.Started.UTC().Format("2006-01-02 15:04 UTC")
}

// reproduceCommand runs the lab again, with the variables it was given; the lab
// file lies beside the report.
func reproduceCommand(r testbed.Result) string {
	command := "testbed run " + shellWord(firstOf(r.LabFile, r.Lab+".hcl"))
	if r.Backend == backendLocal || r.Backend == backendIcount { // The file may name another.
		command += " --backend " + r.Backend
	}
	if r.Against != "" {
		command += " --against " + shellWord(r.Against)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Variables)) {
		command += " --var " + shellWord(name+"="+r.Variables[name])
	}
	return command
}

// shellWord quotes what a POSIX shell would not take as one plain word.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._=/:") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(plain(s), "'", `'\''`) + "'"
}

// methodTexts state how the numbers were made, short.
func methodTexts(r testbed.Result) []string {
	texts := []string{workloadText(r)}
	texts = append(texts, statisticsTexts(r)...)
	if len(r.Expectations) > 0 {
		texts = append(texts, expectationsText(r))
	}
	if text := estimatesText(r); text != "" {
		texts = append(texts, text)
	}
	if text := rulesText(r.Void); text != "" {
		texts = append(texts, text)
	}
	switch {
	case r.Backend == backendLocal:
		texts = append(texts, "The machines were namespaces of this machine's own kernel, no VMs, joined by a veth pair: no NIC, no driver and no interrupt is in the way, and both ends share a cache and a scheduler. Ratios to host are larger than between computers, where the wire has its share.")
	case r.Backend == backendSSH:
		texts = append(texts, "The machines were machines that exist, over SSH: what else runs on them is in the numbers.")
	case r.Backend == backendIcount:
		texts = append(texts, countedText)
	case r.Accelerator == "tcg":
		texts = append(texts, "The machines were emulated (TCG, no KVM): ratios and orderings are meaningful, absolute times are those of an emulator.")
	}
	return texts
}

// expectationsText says how a claim of the lab's is judged.
func expectationsText(r testbed.Result) string {
	unit, fewer := "round", ""
	if r.Backend == backendIcount {
		unit, fewer = "seed", fmt.Sprintf("An expectation on fewer than %d seeds is inconclusive, however clear: it is exact for those, and others move the figure.", stats.MinBoots)
		if mostSeeds(r) < stats.MinBoots {
			return fewer
		}
	}
	return strings.TrimSpace(fmt.Sprintf("An expectation is confirmed if it holds in at least 95%% of %d resamples of the %ss, refuted in at most 5%%, and inconclusive between. "+
		"What would decide an inconclusive one is the size of which four of five runs would, if these %ss show the truth. ", stats.Resamples, unit, unit) + fewer)
}

// workloadText explains the words of every table.
func workloadText(r testbed.Result) string {
	transaction := "One request, one response, and again, on each connection: a transaction. "
	for _, t := range r.Tests {
		if t.Protocol == "tcp_crr" {
			transaction += "In " + t.Name + " it holds the connection's set-up and its end too. "
		}
	}
	return transaction + "An uninterrupted stretch of transactions in one mode is a block. " +
		map[bool]string{false: "A round holds", true: "A seed is a boot of its own, which holds"}[r.Backend == backendIcount] +
		" one block of each mode in seeded random order, and host twice. The container's interface is built anew for each block."
}

// estimatesText names the methods as the figures themselves do.
func estimatesText(r testbed.Result) string {
	order, metricsBy := []string{}, map[string][]string{}
	for _, t := range r.Tests {
		for _, m := range t.Modes {
			for _, metric := range metrics {
				method := figureOf(&m, metric.name).Method
				if method == "" || slices.Contains(metricsBy[method], percentileTitle(metric.name)) {
					continue
				}
				if metricsBy[method] == nil {
					order = append(order, method)
				}
				metricsBy[method] = append(metricsBy[method], percentileTitle(metric.name))
			}
		}
	}
	parts := []string{}
	for _, method := range order {
		parts = append(parts, list(metricsBy[method])+": "+method)
	}
	if len(parts) == 0 {
		return ""
	}
	return "The figures here, by method: " + strings.Join(parts, "; ") + ". docs/method.md states formulas and sources."
}
