package hcl

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

const page = "../docs/lab-language.md"

// The page's tables are the schema's: every argument is on it, with its default
// and nothing else is.
func TestLanguagePage(t *testing.T) {
	was, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(was)
	text = replaceSection(t, text, "blocks", blockTables())
	text = replaceSection(t, text, "metrics", metricTable())
	text = replaceSection(t, text, "functions", functionList())
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(page, []byte(text), 0o644))
		return
	}
	require.Equal(t, string(was), text, "write it with -update")
}

func replaceSection(t *testing.T, text, name, section string) string {
	t.Helper()
	marks := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^>]*-->\n).*?(<!-- /` + name + ` -->)`)
	require.Regexp(t, marks, text)
	return marks.ReplaceAllStringFunc(text, func(old string) string {
		m := marks.FindStringSubmatch(old)
		return m[1] + section + m[2]
	})
}

func blockTables() string {
	var b strings.Builder
	for _, one := range language {
		writeTable(&b, one, one.name)
		for _, inner := range one.blocks {
			writeTable(&b, inner, inner.name+", in "+one.name)
		}
	}
	return b.String()
}

func writeTable(b *strings.Builder, one *block, title string) {
	label := ""
	if one.label != "" {
		label = ` "` + strings.ToUpper(one.label) + `"`
	}
	fmt.Fprintf(b, "\n### %s\n\n`%s%s { … }` %s\n", title, one.name, label, one.doc)
	if len(one.attributes) == 0 {
		return
	}
	b.WriteString("\n| argument | type | default | |\n|---|---|---|---|\n")
	for _, a := range one.attributes {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", a.name, typeOf(a), defaultOf(a), a.doc)
	}
}

func typeOf(a attribute) string {
	switch {
	case a.oneOf != nil:
		return "`\"" + strings.Join(a.oneOf, "\"`, `\"") + "\"`"
	case a.to != nil:
		return string(a.kind) + ": " + enumerate(a.to, "or")
	case a.kind == integer && a.max == 1<<62-1:
		return fmt.Sprintf("%s from %d", a.kind, a.min)
	case a.kind == integer:
		return fmt.Sprintf("%s, %d to %d", a.kind, a.min, a.max)
	}
	return string(a.kind)
}

func defaultOf(a attribute) string {
	switch {
	case a.required:
		return "required"
	case a.fallback != "":
		return "`" + a.fallback + "`"
	}
	return ""
}

func metricTable() string {
	rows := []string{}
	for _, name := range figures {
		unit := "nanoseconds"
		if name == "rate" {
			unit = "transactions per second"
		}
		rows = append(rows, fmt.Sprintf("| `%s(test, mode)` | the mode's %s, in %s | yes |\n", name, name, unit))
	}
	rows = append(rows,
		"| `ratio(test, mode, base, \"p50\")` | mode over base, the geometric mean of the rounds' ratios; of any of the above | yes |\n",
		"| `instructions(test, mode)` | instructions for one transaction | no |\n",
		"| `softirqs(test, mode)` | NET_RX and NET_TX softirqs that ran for one transaction, both ends, after the timing | yes |\n",
		"| `backlog(test, mode)` | packets that were put into a CPU's backlog (netif_rx) for one transaction, as above | yes |\n",
		"| `calls(test, mode)` | calls of the network stack's functions for one transaction, as above | yes |\n",
		"| `capability(test, mode, \"NAME\")` | whether something works in the mode; the test may be left out | yes |\n",
	)
	return "| function | gives | built |\n|---|---|---|\n" + strings.Join(rows, "") + "\n" + capabilityTable()
}

func capabilityTable() string {
	rows := []string{"| capability | works where |\n|---|---|\n"}
	for _, one := range testbed.CapabilityNames {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", one.Name, one.Text))
	}
	for _, name := range slices.Sorted(maps.Keys(testbed.JointCapabilities)) {
		rows = append(rows, fmt.Sprintf("| `%s` | `%s` do |\n", name, strings.Join(testbed.JointCapabilities[name], "` and `")))
	}
	return strings.Join(rows, "")
}

func functionList() string {
	return "`" + strings.Join(slices.Sorted(maps.Keys(labFunctions)), "`, `") + "`.\n"
}

// The table of metrics has every function that the code has.
func TestMetricTableIsComplete(t *testing.T) {
	for _, name := range metricNames {
		require.Contains(t, metricTable(), "`"+name+"(test, mode")
	}
	require.ElementsMatch(t, metricNames, slices.Collect(maps.Keys((&cellLoader{}).metricFunctions(nil))))
}

// The schema can be used as it is: defaults convert, names are unlike.
func TestSchema(t *testing.T) {
	for _, b := range append(slices.Clone(language), nicBlock, voidBlock) {
		seen := map[string]bool{}
		for _, word := range b.words() {
			require.False(t, seen[word], "%s.%s", b.name, word)
			seen[word] = true
		}
		for _, a := range b.attributes {
			require.NotEmpty(t, a.doc, "%s.%s", b.name, a.name)
			require.True(t, strings.HasSuffix(a.doc, "."), "%s.%s: a sentence", b.name, a.name)
			require.NotPanics(t, func() { a.standard() }, "%s.%s", b.name, a.name)
		}
	}
}

// Two names whose hashes begin alike still get addresses of their own, the same
// ones each time.
func TestMACsAreUnlike(t *testing.T) {
	taken := map[string]bool{}
	collided := false
	for i := range 12000 {
		name := fmt.Sprintf("machine-%d", i)
		alone := mac("lab", name, 0, map[string]bool{})
		require.Regexp(t, `^52:54:00(:[0-9a-f]{2}){3}$`, alone)
		if got := mac("lab", name, 0, taken); got != alone {
			collided = true
		}
	}
	require.Len(t, taken, 12000)
	require.True(t, collided, "24 bits and 12,000 names: the test has to see a collision")
	require.NotEqual(t, mac("lab", "a", 0, map[string]bool{}), mac("other", "a", 0, map[string]bool{}))
	require.NotEqual(t, mac("lab", "a", 0, map[string]bool{}), mac("lab", "a", 1, map[string]bool{}))
}

func TestNearest(t *testing.T) {
	for written, want := range map[string]string{
		"vth": "veth", "Veth": "veth", "macvaln": "macvlan", "ipvlna": "ipvlan",
		"bridge": "", "x": "", "": "", "lo": "",
	} {
		require.Equal(t, want, nearest(written, []string{"veth", "macvlan", "ipvlan", "l2"}), written)
	}
}
