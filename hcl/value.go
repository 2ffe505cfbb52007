package hcl

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// converters turn a value into what Go has for a kind. The error is a whole
// sentence, with the remedy.
var converters = map[kind]func(attribute, cty.Value) (any, error){
	text:       asText,
	textList:   asTextList,
	textMap:    asTextMap,
	integer:    asInteger,
	decimal:    asDecimal,
	boolean:    asBoolean,
	duration:   asDuration,
	memory:     asMemory,
	percent:    asPercent,
	subnet:     asSubnet,
	address:    asAddress,
	file:       asText,
	mirrorURL:  asMirror,
	libvirtURI: asLibvirtURI,
	suite:      asSuite,

	shareLimit:    orOff(asShare, -1.0),
	countLimit:    orOff(asInteger, -1),
	durationLimit: orOff(asDuration, time.Duration(-1)),
}

// problem is a sentence for the user; an error only where it is returned as one.
type problem string

func (p problem) Error() string { return string(p) }

func problemf(format string, args ...any) error { return problem(fmt.Sprintf(format, args...)) }

func asText(a attribute, v cty.Value) (any, error) {
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		return nil, problemf("%q takes text in quotes, and %s.", a.name, describe(v))
	}
	written := s.AsString()
	if a.oneOf == nil {
		return written, nil
	}
	for _, allowed := range a.oneOf {
		if written == allowed {
			return written, nil
		}
	}
	if near := nearest(written, a.oneOf); near != "" {
		return nil, problemf("%q cannot be %q. Did you mean %q? It can be %s.", a.name, written, near, quoted(a.oneOf))
	}
	return nil, problemf("%q cannot be %q. It can be %s.", a.name, written, quoted(a.oneOf))
}

func asTextList(a attribute, v cty.Value) (any, error) {
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || hasNull(list) {
		return nil, problemf("%q takes a list of texts, and %s.", a.name, describe(v))
	}
	all := []string{}
	for it := list.ElementIterator(); it.Next(); {
		_, one := it.Element()
		all = append(all, one.AsString())
	}
	return all, nil
}

func asTextMap(a attribute, v cty.Value) (any, error) {
	table, err := convert.Convert(v, cty.Map(cty.String))
	if err != nil || hasNull(table) {
		return nil, problemf("%q takes a map of texts, such as { \"net.core.busy_read\" = \"50\" }, and %s.", a.name, describe(v))
	}
	all := map[string]string{}
	for it := table.ElementIterator(); it.Next(); {
		key, one := it.Element()
		all[key.AsString()] = one.AsString()
	}
	return all, nil
}

func hasNull(v cty.Value) bool {
	if v.IsNull() {
		return true
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, one := it.Element(); one.IsNull() {
			return true
		}
	}
	return false
}

func asInteger(a attribute, v cty.Value) (any, error) {
	n, err := convert.Convert(v, cty.Number)
	if err != nil {
		return nil, problemf("%q takes a whole number, and %s.", a.name, describe(v))
	}
	whole, accuracy := n.AsBigFloat().Int64()
	if accuracy != 0 {
		return nil, problemf("%q takes a whole number.", a.name)
	}
	low, high := int64(a.min), int64(a.max)
	if whole < low || (whole > high && high > 0) {
		return nil, problemf("%q is %d, and it can be %s.", a.name, whole, span(low, high))
	}
	return int(whole), nil
}

func span(low, high int64) string {
	if high == 1<<62-1 {
		return fmt.Sprintf("any whole number from %d", low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

func asDecimal(a attribute, v cty.Value) (any, error) {
	n, err := convert.Convert(v, cty.Number)
	if err != nil {
		return nil, problemf("%q takes a number, and %s.", a.name, describe(v))
	}
	f, _ := n.AsBigFloat().Float64()
	if f <= 0 || f > 1e9 {
		return nil, problemf("%q has to be more than 0, and 1e9 at most.", a.name)
	}
	return f, nil
}

func asBoolean(a attribute, v cty.Value) (any, error) {
	b, err := convert.Convert(v, cty.Bool)
	if err != nil {
		return nil, problemf("%q is true or false, and %s.", a.name, describe(v))
	}
	return b.True(), nil
}

func asDuration(a attribute, v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, problemf("%q takes a duration in quotes with its unit, such as \"250ms\" or \"2s\", and %s.", a.name, describe(v))
	}
	d, err := time.ParseDuration(strings.ReplaceAll(v.AsString(), " ", ""))
	if err != nil {
		return nil, problemf("%q is no duration. Write a number with its unit: us, ms, s or m, such as \"250ms\".", v.AsString())
	}
	if d < 0 || d > time.Hour {
		return nil, problemf("%q is %s, and it can be 0s to 1h.", a.name, v.AsString())
	}
	return d, nil
}

// minMemory is what a guest needs for its kernel, an uncompressed root in
// memory, and the agent.
const minMemory = 128 << 20

func asMemory(a attribute, v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, problemf("%q takes a size in quotes with its unit, such as \"384MiB\" or \"1GiB\", and %s.", a.name, describe(v))
	}
	size, err := parseMemory(v.AsString())
	if err != nil {
		return nil, err
	}
	if size < minMemory || size > 1<<42 {
		return nil, problemf("%q is %s, and a machine has from 128MiB to 4096GiB.", a.name, v.AsString())
	}
	return size, nil
}

func parseMemory(written string) (uint64, error) {
	trimmed := strings.ReplaceAll(written, " ", "")
	digits := strings.TrimRight(trimmed, "KMGTiBbkmgt")
	var n uint64
	if _, err := fmt.Sscanf(digits+"\n", "%d\n", &n); err != nil || n > math.MaxUint64>>40 || fmt.Sprint(n) != digits {
		return 0, problemf("%q is no size. Write a whole number with its unit: \"384MiB\" or \"1GiB\".", written)
	}
	switch trimmed[len(digits):] {
	case "MiB":
		return n << 20, nil
	case "GiB":
		return n << 30, nil
	case "M", "MB", "m", "Mi", "mb", "mib", "":
		return 0, problemf("%q has not the unit that is meant. Did you mean \"%dMiB\"?", written, n)
	case "G", "GB", "g", "Gi", "gb", "gib":
		return 0, problemf("%q has not the unit that is meant. Did you mean \"%dGiB\"?", written, n)
	}
	return 0, problemf("%q has a unit that is not used here. Write MiB or GiB.", written)
}

func asPercent(a attribute, v cty.Value) (any, error) {
	var n float64
	if v.Type() == cty.String {
		if _, err := fmt.Sscanf(v.AsString()+"\n", "%f%%\n", &n); err == nil && n > 0 && n <= 100 {
			return n / 100, nil
		}
	}
	return nil, problemf("%q takes a percentage in quotes, such as \"1%%\".", a.name)
}

func asAddress(a attribute, v cty.Value) (any, error) {
	if v.Type() == cty.String {
		if addr, err := netip.ParseAddr(v.AsString()); err == nil && addr.Is4() {
			return addr, nil
		}
		return nil, problemf("%q is no IPv4 address. Write it in quotes without a prefix length, such as \"10.77.0.5\".", v.AsString())
	}
	return nil, problemf("%q takes an IPv4 address in quotes, such as \"10.77.0.5\", and %s.", a.name, describe(v))
}
