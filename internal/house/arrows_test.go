package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/testbed-lab/testbed/"

// arrows says what of ours a package may import. The longest pattern that
// matches counts; "x/..." is x and all below it.
var arrows = map[string][]string{
	// Nouns and messages: everything speaks them, they know nothing.
	"testbed":               {},
	"guestagent/proto":      {},
	"guestinit/guestconfig": {},
	"internal/progress":     {},
	"kconfig":               {}, // What a kernel has to have: the agent says it, and a host before.

	// What runs in a guest knows nothing of the host.
	"guestagent/...":    {"guestagent/...", "kconfig"},
	"guestinit/...":     {"guestinit/..."},
	"cmd/testbed-agent": {"guestagent/..."},
	"cmd/testbed-init":  {"guestinit/..."},

	"hcl/...":     {"hcl/...", "testbed"},
	"report/...":  {"report/...", "testbed"},
	"history/...": {"history/...", "report/...", "testbed"},
	"images/...":  {"images/...", "testbed", "guestinit/guestconfig", "internal/progress", "kconfig"},
	"provision/...": {
		"provision/...", "testbed", "guestinit/guestconfig", "images", "internal/progress",
	},
	// A host is described as a guest is.
	"provision/libvirt": {
		"provision/...", "testbed", "guestinit/guestconfig", "images", "internal/progress", "guestagent/computer",
	},

	// Its machines are namespaces of this process's kernel: it moves threads as
	// the agent does.
	"provision/icount": {"provision/...", "testbed", "internal/progress", "guestagent/proto", "guestagent/symbol", "guestagent/wiring"},
	"provision/local":  {"provision/...", "testbed", "internal/progress", "guestagent/computer", "guestagent/thread", "guestagent/wiring"},

	// Only the conductor sees both sides, and only the command line sees it.
	"internal/run/...": {
		"testbed", "guestagent/computer", "guestagent/proto", "guestinit/guestconfig", "hcl/...", "images/...",
		"provision/...", "report/...", "internal/progress", "internal/payload", "internal/run/...",
	},
	"internal/bisect": {"testbed"},
	"internal/cli/...": {
		"testbed", "examples", "hcl/...", "history/...", "images/...", "kconfig", "provision/...", "report/...",
		"internal/run", "internal/bisect", "internal/matrix", "internal/terminal", "internal/doctor", "internal/needs", "internal/payload", "internal/progress", "internal/cli/...",
	},
	"cmd/testbed": {"internal/cli"},

	"internal/matrix":    {"testbed"},
	"internal/terminal":  {"internal/progress"},
	"internal/doctor":    {"images/archive", "kconfig", "provision", "provision/local"},
	"internal/needs":     {"testbed", "kconfig"},
	"internal/payload":   {},
	"internal/e2e/...":   {},
	"internal/house/...": {},
	"examples":           {},
	"scripts":            {},
}

// owners of what others must not know: a module's import path, and who may.
var owners = map[string][]string{
	"github.com/hashicorp/hcl/v2":        {"hcl/...", "images"}, // The lock file is HCL too.
	"github.com/digitalocean/go-libvirt": {"provision/libvirt/..."},
	"github.com/spf13/cobra":             {"internal/cli/..."},
	"github.com/vishvananda/netlink":     {"guestagent/...", "guestinit/...", "provision/libvirt/...", "provision/local"},
	"github.com/google/nftables":         {"guestagent/..."},
}

type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// packages of this module, without their tests: a test may look anywhere.
func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportArrows(t *testing.T) {
	for _, p := range packages(t) {
		for _, mistake := range misdirected(strings.TrimPrefix(p.ImportPath, module), p.Imports) {
			t.Error(mistake)
		}
	}
}

func misdirected(pkg string, imports []string) []string {
	allowed, known := allowedBy(pkg)
	if !known {
		return []string{pkg + " has no line in arrows: say what it may import"}
	}
	var mistakes []string
	for _, imported := range imports {
		own, isOurs := strings.CutPrefix(imported, module)
		if isOurs && !anyMatch(allowed, own) {
			mistakes = append(mistakes, pkg+" imports "+own+"; it may import only "+strings.Join(allowed, ", "))
		}
		for owned, by := range owners {
			if within(imported, owned) && !anyMatch(by, pkg) {
				mistakes = append(mistakes, pkg+" imports "+imported+", which belongs to "+strings.Join(by, ", "))
			}
		}
	}
	return mistakes
}

// allowedBy finds the line of a package, or that of the nearest folder above.
func allowedBy(pkg string) ([]string, bool) {
	if allowed, found := arrows[pkg]; found {
		return allowed, true
	}
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if allowed, found := arrows[dir+"/..."]; found {
			return allowed, true
		}
	}
	return nil, false
}

func anyMatch(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		dir, tree := strings.CutSuffix(pattern, "/...")
		return pkg == dir || tree && within(pkg, dir)
	})
}

func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

func TestArrowsCatchWhatTheyShould(t *testing.T) {
	tests := []struct {
		pkg, imported string
		wrong         bool
	}{
		{"guestagent/rr", module + "guestagent/proto", false},
		{"guestagent/rr", module + "testbed", true},
		{"guestagent/proto", module + "guestagent", true},
		{"report/figure", module + "report/stats", false},
		{"report/figure", module + "internal/run", true},
		{"provision/libvirt", "github.com/digitalocean/go-libvirt", false},
		{"provision/ssh", "github.com/digitalocean/go-libvirt", true},
		{"internal/run", "github.com/hashicorp/hcl/v2/hclsyntax", true},
		{"guestinit", "fmt", false},
		{"somewhere/new", "fmt", true},
	}
	for _, test := range tests {
		mistakes := misdirected(test.pkg, []string{test.imported})
		if (len(mistakes) > 0) != test.wrong {
			t.Errorf("%s imports %s: %q, want a mistake: %v", test.pkg, test.imported, mistakes, test.wrong)
		}
	}
}
