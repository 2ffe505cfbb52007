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
	if r.Backend == localBackend { // The file may name another.
		command += " --backend " + localBackend
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

// voidedTexts lists blocks that do not count.
func voidedTexts(r testbed.Result) []string {
	texts := []string{}
	for _, t := range r.Tests {
		title := strings.TrimSpace(t.Name + " " + bracketed(cellTitle(t.Cell)))
		for _, v := range t.Voided {
			texts = append(texts, fmt.Sprintf("%s: %s, round %d: %s", title, v.Mode, v.Round+1, v.Reason))
		}
	}
	return texts
}

// methodTexts state how the numbers were made, short.
func methodTexts(r testbed.Result) []string {
	texts := []string{
		"One request, one response, and again, on one connection: a transaction. An uninterrupted stretch of transactions in one mode is a block. " +
			"A round holds one block of each mode in seeded random order, and host twice. The container's interface is built anew for each block.",
	}
	texts = append(texts, statisticsTexts(r)...)
	if len(r.Expectations) > 0 {
		texts = append(texts, fmt.Sprintf("An expectation is confirmed if it holds in at least 95%% of %d resamples of the rounds, refuted in at most 5%%, and inconclusive between.", stats.Resamples))
	}
	if r.Backend == localBackend {
		texts = append(texts, "The machines were network namespaces of one kernel, joined by a veth pair: no NIC, no driver and no interrupt is in the way, and both ends share a cache and a scheduler. Ratios to host are larger than between computers, where the wire has its share.")
	}
	if r.Accelerator == "tcg" {
		texts = append(texts, "The machines were emulated (TCG, no KVM): ratios and orderings are meaningful, absolute times are those of an emulator.")
	}
	return texts
}
