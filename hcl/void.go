package hcl

import (
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/testbed-lab/testbed/testbed"
)

// voidRules are those of the lab's void block; without one, the defaults.
func voidRules(s *scope, lab *blockSource) testbed.VoidRules {
	rules := &blockSource{spec: voidBlock, syntax: lab.syntax}
	if len(lab.inner) > 0 {
		rules = lab.inner[0]
	}
	f := s.fields(rules, nil)
	return testbed.VoidRules{
		Steal:       get[float64](f, "steal"),
		Involuntary: get[float64](f, "involuntary"),
		Retransmits: int64(get[int](f, "retransmits")),
		ClockStep:   get[time.Duration](f, "clock_step"),
	}
}

// off is what stands for no limit. null would be the default, and no number is
// both readable and never reached.
const off = "off"

// orOff is a converter that knows "off" too.
func orOff(limit func(attribute, cty.Value) (any, error), none any) func(attribute, cty.Value) (any, error) {
	return func(a attribute, v cty.Value) (any, error) {
		if v.Type() == cty.String && v.AsString() == off {
			return none, nil
		}
		value, err := limit(a, v)
		if err != nil {
			return nil, problemf("%s Or write \"off\" for no limit.", err)
		}
		return value, nil
	}
}

// asShare is a percentage that may be 0 and, unless the attribute has a maximum, more
// than all.
func asShare(a attribute, v cty.Value) (any, error) {
	var n float64
	if v.Type() == cty.String {
		if _, err := fmt.Sscanf(v.AsString()+"\n", "%f%%\n", &n); err == nil && n >= 0 && n <= 1e6 {
			if a.max > 0 && n > float64(a.max) {
				return nil, problemf("%q is %s, and %d%% is all there is.", a.name, v.AsString(), a.max)
			}
			return n / 100, nil
		}
	}
	return nil, problemf("%q takes a percentage in quotes, such as \"5%%\".", a.name)
}
