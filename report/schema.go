package report

import (
	_ "embed"
	"fmt"
	"strings"
)

var (
	//go:embed schema/result.schema.json
	resultSchema []byte
	//go:embed schema/comparison.schema.json
	comparisonSchema []byte
	//go:embed schema/order.schema.json
	orderSchema []byte
)

// SchemaNames are those that [Schema] knows.
var SchemaNames = []string{"result", "comparison", "order"}

// Schema returns the published JSON Schema (draft 2020-12) of that name: "result" is of
// result.json, "comparison" of what a comparison prints as JSON, "order"
// of what compare --order does.
func Schema(name string) ([]byte, error) {
	switch name {
	case "result":
		return resultSchema, nil
	case "comparison":
		return comparisonSchema, nil
	case "order":
		return orderSchema, nil
	}
	return nil, fmt.Errorf("no schema %q; there are: %s", name, strings.Join(SchemaNames, ", "))
}
