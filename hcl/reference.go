package hcl

import (
	"fmt"
	"reflect"

	"github.com/zclconf/go-cty/cty"
)

// ref is a block as a value: what image.debian or vm.client[0] stands for. The
// type of the value says which kind of block it names.
type ref struct {
	block string // image, network, vm, machine, mode, test.
	name  string // As the lab has it: "client-0", "ipvlan-l2".
	code  string // As the file has it: vm.client[0].
}

// refTypes are the types of references, by kind of block. Machines and VMs have
// types of their own; an argument says which it takes.
var refTypes = map[string]cty.Type{
	"image":   refType("image"),
	"network": refType("network"),
	"vm":      refType("vm"),
	"machine": refType("machine"),
	"mode":    refType("mode"),
	"test":    refType("test"),
}

// refType compares references by what they name, so that matrix.kernel ==
// image.a means what it reads.
func refType(block string) cty.Type {
	same := func(a, b any) bool { return *a.(*ref) == *b.(*ref) }
	return cty.CapsuleWithOps(block, reflect.TypeFor[ref](), &cty.CapsuleOps{
		GoString:     func(v any) string { return v.(*ref).code },
		TypeGoString: func(reflect.Type) string { return block },
		RawEquals:    same,
		Equals:       func(a, b any) cty.Value { return cty.BoolVal(same(a, b)) },
		HashKey:      func(v any) string { return v.(*ref).code },
	})
}

func (r ref) value() cty.Value { return cty.CapsuleVal(refTypes[r.block], &r) }

// asRef gives what a value refers to, or nil.
func asRef(value cty.Value) *ref {
	if !value.IsKnown() || value.IsNull() || !value.Type().IsCapsuleType() {
		return nil
	}
	r, _ := value.EncapsulatedValue().(*ref)
	return r
}

// describe is a value in a sentence: "text", "a list", "an image".
func describe(value cty.Value) string {
	if r := asRef(value); r != nil {
		return fmt.Sprintf("%s is %s", r.code, article(r.block))
	}
	return "this is " + typeName(value)
}

func typeName(value cty.Value) string {
	ty := value.Type()
	switch {
	case value.IsNull():
		return "null"
	case ty == cty.String:
		return "text"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "true or false"
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return "a list"
	case ty.IsObjectType() || ty.IsMapType():
		return "a map"
	}
	return article(ty.FriendlyName())
}
