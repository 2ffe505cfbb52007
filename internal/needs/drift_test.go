package needs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/kconfig"
)

const root = "../.."

// sources are the files of packages below a folder, without tests.
func sources(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	all := map[string]*ast.File{}
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		all[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
		return err
	})
	require.NoError(t, err)
	return all
}

// table is kconfig's features by the names of their variables.
func table(t *testing.T) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, file := range sources(t, "kconfig") {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, is := node.(*ast.ValueSpec)
			if !is {
				return true
			}
			for i, value := range spec.Values {
				literal, is := value.(*ast.CompositeLit)
				kind, named := literalType(literal, is)
				if named && kind == "Feature" {
					names[spec.Names[i].Name] = text(t, literal.Elts[0])
				}
			}
			return true
		})
	}
	require.Equal(t, kconfig.Ipvlan.Name, names["Ipvlan"])
	return names
}

func literalType(literal *ast.CompositeLit, is bool) (string, bool) {
	if !is {
		return "", false
	}
	name, is := literal.Type.(*ast.Ident)
	if !is {
		return "", false
	}
	return name.Name, true
}

func text(t *testing.T, expr ast.Expr) string {
	t.Helper()
	plain, err := strconv.Unquote(expr.(*ast.BasicLit).Value)
	require.NoError(t, err)
	return plain
}

// TestWhatTheAgentMayMissIsALabsNeed reads which features netmode names when a kernel
// lacks them, and looks for each in what labs of all modes are said to need.
func TestWhatTheAgentMayMissIsALabsNeed(t *testing.T) {
	needed := map[string]bool{}
	for _, lab := range []string{"all-modes.hcl", "calibration.hcl", "services.hcl"} {
		for _, need := range of(t, lab) {
			if strings.HasPrefix(need.For, "mode ") {
				for _, f := range need.Features {
					needed[f.Name] = true
				}
			}
		}
	}
	features, missed := table(t), 0
	for path, file := range sources(t, "guestagent/netmode") {
		ast.Inspect(file, func(node ast.Node) bool {
			selector, is := node.(*ast.SelectorExpr)
			if !is || features[selector.Sel.Name] == "" {
				return true
			}
			if from, is := selector.X.(*ast.Ident); is && from.Name == "kconfig" {
				missed++
				require.True(t, needed[features[selector.Sel.Name]], "%s may miss kconfig.%s, and no mode is said to need it", path, selector.Sel.Name)
			}
			return true
		})
	}
	require.Greater(t, missed, 15, "the agent's source was not understood")
}

var option = regexp.MustCompile(`CONFIG_[A-Z0-9_]+`)

// TestNobodyElseKnowsOptions finds options that an error names and no lab's fragment
// could have: all that a guest's programs and its image ask for is in one table.
func TestNobodyElseKnowsOptions(t *testing.T) {
	known := map[string]bool{}
	for _, file := range sources(t, "kconfig") {
		for _, one := range literals(file) {
			known[one] = true
		}
	}
	found := 0
	for _, dir := range []string{"guestagent", "guestinit", "images"} {
		for path, file := range sources(t, dir) {
			for _, one := range literals(file) {
				found++
				require.True(t, known[one], "%s names %s, which kconfig does not know", path, one)
			}
		}
	}
	require.Greater(t, found, 10, "the sources were not understood")
}

// literals are the options in a file's texts.
func literals(file *ast.File) (all []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, is := node.(*ast.BasicLit); is && literal.Kind == token.STRING {
			all = append(all, option.FindAllString(literal.Value, -1)...)
		}
		return true
	})
	return all
}
