package report

import (
	_ "embed"
	"fmt"
)

//go:embed schema/result.schema.json
var resultSchema []byte

// Schema returns the published JSON Schema (draft 2020-12) of that name. There
// is one: "result", of result.json.
func Schema(name string) ([]byte, error) {
	if name != "result" {
		return nil, fmt.Errorf("no schema %q; there is: result", name)
	}
	return resultSchema, nil
}
