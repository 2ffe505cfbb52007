package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/testbed"
)

// fact is a name and a printed value.
type fact struct{ Name, Value string }

// factTable is a block of the environment.
type factTable struct {
	Title string
	Facts []fact
}

// rigFacts are what a reader must know before the first number.
func rigFacts(r testbed.Result) []fact {
	facts := []fact{{"machines", machinesText(r)}}
	if kernels := kernelsOf(r); len(kernels) > 0 {
		name := "guest kernel"
		if !boots(r) {
			name = "kernel"
		}
		facts = append(facts, fact{name, strings.Join(kernels, ", ")})
	}
	if cpu, is := r.Environment.Host["cpu_model"]; is {
		facts = append(facts, fact{"CPU", factText(cpu)})
	}
	if places := placesText(r); places != "" {
		facts = append(facts, fact{"nodes", places})
	}
	facts = append(facts, fact{"measured", started(r)}, fact{"seed", strconv.FormatInt(r.Seed, 10)})
	return facts
}

func environmentTables(r testbed.Result) []factTable {
	all := []factTable{}
	if len(r.Environment.Host) > 0 {
		all = append(all, factTable{strings.TrimSpace("Host " + r.Environment.Node), flatten("", r.Environment.Host)})
	}
	for _, c := range r.Environment.Cells {
		all = append(all, factTable{strings.TrimSpace("Node " + c.Node + " " + bracketed(CellText(c.Cell))), ownFacts(r, c)})
	}
	for _, m := range r.Environment.Machines {
		title := strings.TrimSpace("Machine " + m.Name + " " + bracketed(CellText(m.Cell)))
		shown := maps.Clone(m.Facts)
		delete(shown, "sysctl_others") // Hundreds, for programs.
		all = append(all, factTable{title, flatten("", shown)})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Environment.Images)) {
		all = append(all, factTable{"Image " + name, flatten("", r.Environment.Images[name])})
	}
	return all
}

// ownFacts are those of a cell's host that not all hosts share.
func ownFacts(r testbed.Result, c testbed.CellEnvironment) []fact {
	shared := flatten("", r.Environment.Host)
	own := slices.DeleteFunc(flatten("", c.Host), func(f fact) bool { return slices.Contains(shared, f) })
	if c.Failure != "" {
		own = append(own, fact{"failure", c.Failure})
	}
	return own
}

// flatten lists nested facts by dotted names, sorted.
func flatten(prefix string, facts map[string]any) []fact {
	all := []fact{}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		if inner, is := facts[name].(map[string]any); is {
			all = append(all, flatten(prefix+name+".", inner)...)
			continue
		}
		all = append(all, fact{prefix + name, factText(facts[name])})
	}
	return all
}

// factText prints a fact; a list of plain values in one line, anything deeper as
// the JSON that it is.
func factText(v any) string {
	switch v := v.(type) {
	case nil:
		return none
	case string:
		return v
	case []any:
		texts := []string{}
		for _, one := range v {
			if _, deep := one.(map[string]any); deep {
				return jsonText(v)
			}
			texts = append(texts, factText(one))
		}
		return strings.Join(texts, ", ")
	case map[string]any:
		return jsonText(v)
	}
	return fmt.Sprint(v)
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// stepOrder is the order in which a run takes its steps; others follow.
var stepOrder = []string{"images", "boot", "push", "check", "measure", "down", "total"}

func timingFacts(r testbed.Result) []fact {
	facts := []fact{}
	for _, step := range stepOrder {
		if v, is := r.Timings[step]; is {
			facts = append(facts, fact{step, seconds(v)})
		}
	}
	for _, step := range slices.Sorted(maps.Keys(r.Timings)) {
		if !slices.Contains(stepOrder, step) {
			facts = append(facts, fact{step, seconds(r.Timings[step])})
		}
	}
	return facts
}
