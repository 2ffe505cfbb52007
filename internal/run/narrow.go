package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/report/stats"
	"github.com/testbed-lab/testbed/testbed"
)

// Only is the lab with one test and, beside host, one mode; empty keeps all. Its
// expectations are gone: they may be about the rest.
func (l *Lab) Only(test, mode string) (*Lab, error) {
	narrow := *l
	narrow.Cells, narrow.Predicates, narrow.Expectations = nil, make([][]testbed.Predicate, len(l.Cells)), nil
	var tests, modes []string
	found := false
	for _, cell := range l.Cells {
		all := cell.Tests
		cell.Tests = nil
		for _, t := range all {
			tests, modes = append(tests, t.Name), append(modes, t.Modes...)
			if test != "" && t.Name != test {
				continue
			}
			if mode != "" {
				if !slices.Contains(t.Modes, mode) {
					continue
				}
				t.Modes = slices.DeleteFunc(slices.Clone(t.Modes), func(m string) bool { return m != mode && m != "host" })
			}
			cell.Tests, found = append(cell.Tests, t), true
		}
		narrow.Cells = append(narrow.Cells, cell)
	}
	if !found {
		wanted := strings.Join(slices.DeleteFunc([]string{named("test", test), named("mode", mode)}, func(s string) bool { return s == "" }), " with ")
		return nil, fmt.Errorf("the lab has no %s; its tests are %s, and their modes %s", wanted, strings.Join(distinct(tests), ", "), strings.Join(distinct(modes), ", "))
	}
	return &narrow, nil
}

func named(kind, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s %q", kind, name)
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// OnImages is the lab with every image, or the one of that name, changed.
func (l *Lab) OnImages(only string, change func(testbed.Image) testbed.Image) (*Lab, error) {
	other := *l
	other.Images = slices.Clone(l.Images)
	found := false
	for i, image := range other.Images {
		if only == "" || image.Name == only {
			other.Images[i], found = change(image), true
		}
	}
	if !found {
		var names []string
		for _, image := range l.Images {
			names = append(names, image.Name)
		}
		return nil, fmt.Errorf("the lab's machines boot no image %q; they boot %s", only, strings.Join(names, ", "))
	}
	return &other, nil
}

// Booted is the lab with each test in as many boots as a verdict needs at least.
func (l *Lab) Booted() *Lab {
	other := *l
	other.Cells = slices.Clone(l.Cells)
	for i := range other.Cells {
		other.Cells[i].Tests = booted(other.Cells[i].Tests)
	}
	return &other
}

func booted(tests []testbed.Test) []testbed.Test {
	tests = slices.Clone(tests)
	for i := range tests {
		tests[i].Boots = max(tests[i].Boots, stats.MinBoots)
	}
	return tests
}

// PackagedKernel is an image that differs in the kernel alone: a packaged one of that
// version, wherever it is served.
func PackagedKernel(like testbed.Image, version string) testbed.Image {
	like = withoutKernel(like)
	like.KernelVersion = version
	return like
}

// AgainstImages is the lab with every cell twice: with its images as they are given, by
// name, and as it is.
func (l *Lab) AgainstImages(bases map[string]testbed.Image) (*Lab, error) {
	return l.against(strings.Join(distinct(namesOf(bases)), ", "), func(image string) (testbed.Image, bool) {
		base, is := bases[image]
		return base, is
	})
}

func namesOf(images map[string]testbed.Image) (names []string) {
	for _, image := range images {
		names = append(names, image.Name)
	}
	return names
}
