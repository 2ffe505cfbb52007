package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func compiled(t testing.TB, name string) *jsonschema.Schema {
	text, err := Schema(name)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource(name+".json", document))
	schema, err := compiler.Compile(name + ".json")
	require.NoError(t, err)
	return schema
}

func validate(t testing.TB, result []byte) error {
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(result))
	require.NoError(t, err)
	return compiled(t, "result").Validate(instance)
}

func TestSchemaNames(t *testing.T) {
	_, err := Schema("lab")
	assert.EqualError(t, err, `no schema "lab"; there are: result, comparison, order`)
}

func TestResultsFitTheSchema(t *testing.T) {
	few := typical()
	few.rounds, few.transactions = 4, 50
	partly := typical()
	partly.unsupported = map[string]string{"routed": "no CONFIG_VETH"}
	for name, w := range map[string]truth{"typical": typical(), "few": few, "partly": partly, "matrix": kernels(typical())} {
		r := w.result(t)
		share := 0.97
		r.Expectations = []testbed.ExpectationResult{{Name: "a", Cell: map[string]string{}, That: "true", Verdict: testbed.Confirmed, Share: &share}}
		text, err := JSON(r)
		require.NoError(t, err)
		assert.NoError(t, validate(t, text), name)
	}
	empty, err := Analyze(Input{Lab: typical().lab(), Backend: "libvirt", Crashes: []testbed.Crash{{
		Machine: "client", Cell: map[string]string{"kernel": "a"}, Boot: 1, Complaint: "Kernel panic - not syncing: x",
		Frames: []string{"ipvlan_queue_xmit [ipvlan]"}, Console: "consoles/client.log",
		Place: "boot", Hung: true, Tail: []string{"a"},
	}}, Failures: []testbed.CellFailure{{Cell: map[string]string{"kernel": "a"}, Reason: "no boot"}}})
	require.NoError(t, err)
	text, err := JSON(empty)
	require.NoError(t, err)
	assert.NoError(t, validate(t, text), "no block at all")
}

func TestSchemaRejects(t *testing.T) {
	text, err := JSON(typical().result(t))
	require.NoError(t, err)
	object := func(v any, path ...any) map[string]any {
		for _, step := range path {
			switch step := step.(type) {
			case string:
				v = v.(map[string]any)[step]
			case int:
				v = v.([]any)[step]
			}
		}
		return v.(map[string]any)
	}
	cases := map[string]func(map[string]any){
		"another schema":          func(r map[string]any) { r["schema"] = "testbed.result/v2" },
		"no tests":                func(r map[string]any) { delete(r, "tests") },
		"unknown field":           func(r map[string]any) { r["colour"] = "blue" },
		"seed as text":            func(r map[string]any) { r["seed"] = "17" },
		"unknown backend":         func(r map[string]any) { r["backend"] = "cloud" },
		"a local time":            func(r map[string]any) { r["started"] = "yesterday" },
		"null warnings":           func(r map[string]any) { r["warnings"] = nil },
		"unknown unit":            func(r map[string]any) { object(r, "tests", 0)["unit"] = "ms" },
		"unknown status":          func(r map[string]any) { object(r, "tests", 0, "modes", 0)["status"] = "fine" },
		"failed without a reason": func(r map[string]any) { object(r, "tests", 0, "modes", 0)["status"] = "failed" },
		"ok without a block":      func(r map[string]any) { object(r, "tests", 0, "modes", 0)["blocks"] = 0 },
		"ratio of another metric": func(r map[string]any) {
			object(r, "tests", 0, "modes", 1, "ratio_to_host")["p95"] = map[string]any{"reason": "x"}
		},
		"empty estimate":         func(r map[string]any) { object(r, "tests", 0, "modes", 1)["p50"] = map[string]any{} },
		"half an interval":       func(r map[string]any) { delete(object(r, "tests", 0, "modes", 1, "p50"), "lo") },
		"a latency of nothing":   func(r map[string]any) { object(r, "tests", 0, "modes", 1, "p50")["estimate"] = 0 },
		"coordinates of no text": func(r map[string]any) { object(r, "tests", 0)["cell"] = map[string]any{"size": 1} },
		"a share of more than one": func(r map[string]any) {
			r["expectations"] = []any{map[string]any{"name": "a", "cell": map[string]any{}, "that": "x", "verdict": "confirmed", "share": 1.2}}
		},
	}
	for name, spoil := range cases {
		var r map[string]any
		require.NoError(t, json.Unmarshal(text, &r))
		spoil(r)
		wrong, err := json.Marshal(r)
		require.NoError(t, err)
		assert.Error(t, validate(t, wrong), name)
	}
}

// Every field of the structs is in the schema, required unless it may be left
// out, and the schema has no other.
func TestSchemaAgreesWithTheStructs(t *testing.T) {
	agrees(t, "result", reflect.TypeFor[testbed.Result]())
	agrees(t, "order", reflect.TypeFor[testbed.Order]())
	agrees(t, "comparison", reflect.TypeFor[testbed.Comparison]())
}

func agrees(t *testing.T, name string, root reflect.Type) {
	text, err := Schema(name)
	require.NoError(t, err)
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
			Required   []string       `json:"required"`
			Additional any            `json:"additionalProperties"`
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	structs := map[string]reflect.Type{}
	collect(root, structs)
	names := []string{}
	for name, typ := range structs {
		names = append(names, name)
		def, is := schema.Defs[name]
		if !assert.True(t, is, "no definition of %s", name) {
			continue
		}
		fields, required := fieldsOf(typ)
		properties := []string{}
		for property := range def.Properties {
			properties = append(properties, property)
		}
		assert.ElementsMatch(t, fields, properties, name)
		if name == "Estimate" || name == "Difference" { // Has an estimate or a reason.
			assert.Empty(t, def.Required)
		} else {
			assert.ElementsMatch(t, required, def.Required, name)
		}
		assert.Equal(t, false, def.Additional, name)
	}
	definitions := []string{}
	for name := range schema.Defs {
		if !slices.Contains([]string{"cell", "metric", "estimates"}, name) {
			definitions = append(definitions, name)
		}
	}
	sort.Strings(names)
	sort.Strings(definitions)
	assert.Equal(t, names, definitions)
}

func fieldsOf(typ reflect.Type) (all, required []string) {
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
		if !slices.Contains(strings.Split(options, ","), "omitempty") {
			required = append(required, name)
		}
	}
	return all, required
}

// collect finds the structs of package testbed below a type.
func collect(typ reflect.Type, found map[string]reflect.Type) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(typ.Elem(), found)
	case reflect.Struct:
		if !strings.HasSuffix(typ.PkgPath(), "/testbed") || found[typ.Name()] != nil {
			return
		}
		found[typ.Name()] = typ
		for i := range typ.NumField() {
			collect(typ.Field(i).Type, found)
		}
	}
}
