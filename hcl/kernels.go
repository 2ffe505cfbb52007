package hcl

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// KernelRange is what kernels() was called with.
type KernelRange struct {
	From, To string
	Releases []string // Debian suites; none: those that are looked at unless said.
	Mirror   string   // As the lab names it. Optional.
}

// kernels is kernels(from, to, release…): the versions of the packaged kernels between
// two. Whoever loads the file knows them; each range is asked for once.
func (s *source) kernels(ask func(KernelRange) ([]string, error)) function.Function {
	known := map[string]cty.Value{}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "from", Type: cty.String}, {Name: "to", Type: cty.String},
		},
		VarParam: &function.Parameter{Name: "release", Type: cty.String},
		Type:     function.StaticReturnType(cty.List(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			r, err := kernelRange(args)
			if err != nil {
				return cty.NilVal, err
			}
			if ask == nil {
				return cty.NilVal, errors.New("no mirror is at hand to ask for its kernels")
			}
			r.Mirror = s.lab.Mirror
			key := cty.TupleVal(args).GoString()
			if list, is := known[key]; is {
				return list, nil
			}
			versions, err := ask(r)
			if err != nil {
				return cty.NilVal, err
			}
			known[key] = textsValue(versions)
			return known[key], nil
		},
	})
}

func textsValue(texts []string) cty.Value {
	if len(texts) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var values []cty.Value
	for _, text := range texts {
		values = append(values, cty.StringVal(text))
	}
	return cty.ListVal(values)
}

// kernelRange refuses what is no version at all, and what is no name of a suite.
func kernelRange(args []cty.Value) (KernelRange, error) {
	for i, arg := range args[:2] {
		if text := arg.AsString(); text == "" || text[0] < '0' || text[0] > '9' {
			return KernelRange{}, function.NewArgErrorf(i, "%q is no version of a kernel. Write one such as \"6.12\", or a package's", text)
		}
	}
	r := KernelRange{From: args[0].AsString(), To: args[1].AsString()}
	for i, arg := range args[2:] {
		if _, err := asSuite(attribute{name: "release"}, arg); err != nil {
			return KernelRange{}, function.NewArgError(2+i, err)
		}
		r.Releases = append(r.Releases, arg.AsString())
	}
	return r, nil
}
