package hcl

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Names become host names, file names and columns of tables, so they are ASCII.
var (
	labName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	hostName  = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
	plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	// Images are called by versions of kernels too.
	versionName = regexp.MustCompile(`^[A-Za-z0-9_.+~-]+$`)
	notInNames  = regexp.MustCompile(`[^a-z0-9]+`)
)

// Longest names. A domain is called testbed-LAB-MACHINE, and libvirt uses that
// as a file name; a host name's label has 63 characters (RFC 1035).
const (
	maxLabName = 40
	maxName    = 63
)

func (s *source) checkLabels(b *blockSource) {
	labels := b.syntax.Labels
	switch {
	case b.spec.label == "" && len(labels) > 0:
		s.out.errorf(b.syntax.LabelRanges[0], "Unexpected label", "%s block has no label: write %s { … }.", capital(article(b.spec.name)), b.spec.name)
	case b.spec.label != "" && len(labels) == 0:
		s.out.errorf(b.at(), "Missing label", "%s block has a %s: write %s \"…\" { … }.", capital(article(b.spec.name)), b.spec.label, b.spec.name)
		b.void = true
	case len(labels) > 1:
		at := hcl.RangeBetween(b.syntax.LabelRanges[1], b.syntax.LabelRanges[len(labels)-1])
		s.out.errorf(at, "Too many labels", "%s block has one label, its %s.", capital(article(b.spec.name)), b.spec.label)
		b.label = labels[0]
	case len(labels) == 1:
		b.label = labels[0]
		s.checkLabel(b)
	}
}

func (s *source) checkLabel(b *blockSource) {
	if problem := labelProblem(b.spec, b.label); problem != "" {
		s.out.errorf(b.labelAt(), "Bad name", "%s", problem)
	}
}

func labelProblem(spec *block, name string) string {
	switch spec {
	case labBlock:
		if !labName.MatchString(name) || len(name) > maxLabName {
			return fmt.Sprintf("A lab's name has lower-case letters, digits and hyphens between them, %d at most.%s", maxLabName, proposal(name, maxLabName))
		}
	case vmBlock, machineBlock:
		if !hostName.MatchString(name) || len(name) > maxName {
			return fmt.Sprintf("The name of %s is its host name: lower-case letters, digits and hyphens, a letter first, %d at most.%s", article(spec.name), maxName, proposal(name, maxName))
		}
	case expectBlock:
		if strings.TrimSpace(name) == "" {
			return "A claim is written out in words, for the report."
		}
	default:
		if !plainName.MatchString(name) || len(name) > maxName {
			return fmt.Sprintf("A name has letters, digits, underscores and hyphens, a letter first, %d at most.", maxName)
		}
	}
	return ""
}

// proposal is a name like the written one that would do.
func proposal(name string, longest int) string {
	fixed := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if len(fixed) > longest {
		fixed = strings.TrimRight(fixed[:longest], "-")
	}
	if !hostName.MatchString(fixed) {
		return ""
	}
	return fmt.Sprintf(" %q would do.", fixed)
}

// unique reports blocks with the name of another. Machines share their names:
// a vm and a machine are both what a person types after testbed ssh.
func (s *source) unique() {
	first := map[string]*blockSource{}
	for _, b := range s.blocks {
		if b.void || b.label == "" {
			continue
		}
		space := b.spec.name
		if b.spec == machineBlock {
			space = vmBlock.name
		}
		key := space + " " + b.label
		if other := first[key]; other != nil && b.spec != labBlock {
			s.out.errorf(b.labelAt(), "Duplicate name", "There is %s %q already, at line %d.", article(other.spec.name), b.label, other.at().Start.Line)
			b.void = true
			continue
		}
		first[key] = b
		if b.spec == modeBlock && builtin(b.label) {
			s.out.errorf(b.labelAt(), "Duplicate name", "mode.%s exists in every lab, undeclared. Give yours another name.", b.label)
			b.void = true
		}
	}
}

func builtin(mode string) bool { return mode == "host" || mode == "loopback" }

// once reports a second lab or matrix, and that there is no lab at all.
func (s *source) once() {
	first := map[*block]*blockSource{}
	for _, b := range s.blocks {
		if !b.spec.once {
			continue
		}
		if other := first[b.spec]; other != nil {
			s.out.errorf(b.at(), "Duplicate block", "A file has one %s block, and there is one at line %d.", b.spec.name, other.at().Start.Line)
			b.void = true
			continue
		}
		first[b.spec] = b
	}
	if first[labBlock] == nil {
		at := hcl.Range{Filename: s.path, Start: hcl.InitialPos, End: hcl.InitialPos}
		s.out.errorf(at, "No lab block", "A lab file has a block that names the lab: lab \"my-first\" { }")
	}
}

// of gives the blocks of a kind whose names can be used.
func (s *source) of(spec *block) []*blockSource {
	var all []*blockSource
	for _, b := range s.blocks {
		if b.spec == spec && !b.void {
			all = append(all, b)
		}
	}
	return all
}

func (s *source) find(kind, label string) *blockSource {
	for _, b := range s.blocks {
		if b.spec.name == kind && b.label == label && !b.void {
			return b
		}
	}
	return nil
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func lower(text string) string { return strings.ToLower(text[:1]) + text[1:] }
