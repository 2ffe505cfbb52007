package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/kconfig"
)

// Config holds a kernel's configuration, which lies at path, against what a lab
// needs: a finding for each need that has options, and one for the version.
func Config(path string, config *kconfig.Config, needs []kconfig.Need) []Finding {
	var findings []Finding
	for _, need := range needs {
		if options := kconfig.Options(need.Features); len(options) > 0 {
			f := judgeOptions(path, config, need.Features, options)
			f.Name = need.For
			findings = append(findings, f)
		}
	}
	return append(findings, version(config, needs))
}

func judgeOptions(path string, config *kconfig.Config, features []kconfig.Feature, options []string) Finding {
	lacking := config.Lacks(features)
	if len(lacking) == 0 {
		return ok(describe(config, options))
	}
	said := make([]string, len(lacking))
	for i, option := range lacking {
		said[i] = lacks(option, features)
	}
	return missing(strings.Join(said, "; "), config.Mend(path, lacking))
}

// lacks says of an option that is not set what it is for.
func lacks(option string, features []kconfig.Feature) string {
	i := slices.IndexFunc(features, func(f kconfig.Feature) bool { return slices.Contains(f.Options(), option) })
	text := option + " is not set (" + features[i].Name
	if module := features[i].Module; module != "" {
		text += "; built in or as module " + module
	}
	return text + ")"
}

// describe says of options that are set which are built in and which are modules.
func describe(config *kconfig.Config, options []string) string {
	const few = 4
	modules := 0
	said := make([]string, len(options))
	for i, option := range options {
		said[i] = option + "=y"
		if config.Module(option) {
			said[i] = option + "=m"
			modules++
		}
	}
	if len(options) > few {
		return fmt.Sprintf("all %d options are set, %d to y and %d to m", len(options), len(options)-modules, modules)
	}
	return strings.Join(said, ", ")
}

// version is the finding about the kernel's own: what came later than it, by what
// needs it, or else the youngest thing that it has.
func version(config *kconfig.Config, needs []kconfig.Need) Finding {
	f := judgeVersion(config, needs)
	f.Name = "kernel version"
	return f
}

func judgeVersion(config *kconfig.Config, needs []kconfig.Need) Finding {
	if config.Version == "" {
		return warn("the configuration does not say of which kernel it is", "")
	}
	var late []string
	var youngest kconfig.Feature
	youngestFor := ""
	for _, need := range needs {
		for _, f := range config.TooOld(need.Features) {
			late = append(late, fmt.Sprintf("%s needs %s (%s)", need.For, f.MinimumVersion, f.Name))
		}
		for _, f := range need.Features {
			if kconfig.Older(youngest.MinimumVersion, f.MinimumVersion) {
				youngest, youngestFor = f, need.For
			}
		}
	}
	switch {
	case len(late) > 0:
		return missing(config.Version+", and "+strings.Join(late, ", "), "")
	case youngestFor == "":
		return ok(config.Version)
	}
	return ok(fmt.Sprintf("%s, and %s needs the most: %s (%s)", config.Version, youngestFor, youngest.MinimumVersion, youngest.Name))
}
