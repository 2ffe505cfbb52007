package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/testbed"
)

func (a *app) varFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.vars, "var", nil, "set a variable of the lab file: `NAME=VALUE`")
}

// load reads the lab that a verb was given. Its mistakes are shown, all of
// them, and nothing has been started.
func (a *app) load(ctx context.Context, given []string, how listing) (*run.Lab, error) {
	file, err := a.parse(ctx, given, how)
	if err != nil {
		return nil, err
	}
	return ready(file), nil
}

// loadToRun is load for verbs that do what the lab asks for: what it lists of a mirror
// is pinned.
func (a *app) loadToRun(ctx context.Context, given []string) (*run.Lab, error) {
	return a.load(ctx, given, listingPin)
}

// loadAgainst is the lab that a run against a base measures: both of its sides. The
// base is an image of the file, or a Debian release whose kernel takes the place of the
// machines'.
func (a *app) loadAgainst(ctx context.Context, given []string, base string) (*run.Lab, error) {
	file, err := a.parse(ctx, given, listingPin)
	if err != nil {
		return nil, err
	}
	if backend := file.Lab.Backend; backend != "libvirt" && backend != "icount" {
		return nil, usageError{fmt.Errorf("--against: the backend %q boots no image", backend), "use --backend libvirt or icount, or compare two results: testbed compare"}
	}
	image, err := baseImage(file, strings.TrimPrefix(base, "image."))
	if err != nil {
		return nil, err
	}
	lab, err := ready(file).Against(image)
	if err != nil {
		return nil, usageError{fmt.Errorf("--against: %w", err), ""}
	}
	return lab, nil
}

// release looks like the name of a Debian release.
var release = regexp.MustCompile(`^[a-z][a-z-]*$`)

func baseImage(file *hcl.File, name string) (testbed.Image, error) {
	var declared []string
	for _, image := range file.Images {
		if image.Name == name {
			return image, nil
		}
		declared = append(declared, image.Name)
	}
	if !release.MatchString(name) || len(file.Lab.Images) == 0 {
		return testbed.Image{}, usageError{
			fmt.Errorf("--against %s: the file declares no such image, and no Debian release has such a name", name),
			"images of the file: " + strings.Join(declared, ", "),
		}
	}
	return run.Kernel(file.Lab.Images[0], name), nil
}

// ready is a lab file as the conductor takes it.
func ready(file *hcl.File) *run.Lab {
	return &run.Lab{Lab: *file.Lab, Text: file.Text, Predicates: file.Predicates()}
}

func (a *app) parse(ctx context.Context, given []string, how listing) (*hcl.File, error) {
	path, err := labPath(given)
	if err != nil {
		return nil, err
	}
	vars, err := parseVars(a.vars)
	if err != nil {
		return nil, err
	}
	file, diagnostics := hcl.Load(path, hcl.Options{Vars: vars, Backend: a.where, Kernels: a.kernelsOf(ctx, path, how)})
	return file, a.diagnose(diagnostics)
}

// diagnose shows diagnostics where there are any; errors among them end the
// verb, without a further message.
func (a *app) diagnose(d *hcl.Diagnostics) error {
	if err := d.Write(a.stderr, a.width(), isTerminal(a.stderr) && os.Getenv("NO_COLOR") == ""); err != nil {
		return err
	}
	if d.HasErrors() {
		return statusError(exitUsage)
	}
	return nil
}

// labPath is the lab file that was named, or the only one in this folder.
func labPath(given []string) (string, error) {
	if len(given) == 1 {
		return given[0], nil
	}
	all, err := filepath.Glob("*.hcl")
	if err != nil {
		return "", err
	}
	var labs []string
	for _, path := range all {
		if !strings.HasSuffix(path, ".lock.hcl") {
			labs = append(labs, path)
		}
	}
	switch len(labs) {
	case 0:
		return "", usageError{errors.New("no lab file in this folder"), "testbed init writes a first one"}
	case 1:
		return labs[0], nil
	}
	return "", usageError{errors.New("several lab files in this folder"), "name one: " + strings.Join(labs, ", ")}
}

func parseVars(given []string) (map[string]string, error) {
	vars := map[string]string{}
	for _, v := range given {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("--var %q is not NAME=VALUE", v), "such as --var rounds=20"}
		}
		vars[name] = value
	}
	return vars, nil
}
