package ci

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// annotation is a workflow command as GitHub's runner takes it.
type annotation struct {
	command    string
	properties map[string]string
	message    string
}

// A line is ::COMMAND NAME=VALUE,NAME=VALUE::MESSAGE. A value and a message hold % only as
// the start of an escape; a value also escapes what ends it. The runner is laxer, and shows
// what it does not understand as it stands.
// (docs.github.com, "Workflow commands for GitHub Actions"; actions/runner, ActionCommand.cs)
var (
	annotationLine  = regexp.MustCompile(`^::(error|warning|notice)(?: ([^:]*))?::(.*)$`)
	annotationValue = regexp.MustCompile(`^(?:[^%\r\n:,]|%25|%0D|%0A|%3A|%2C)*$`)
	annotationText  = regexp.MustCompile(`^(?:[^%\r\n]|%25|%0D|%0A)*$`)
)

var annotationProperties = []string{"file", "line", "endLine", "col", "endColumn", "title"}

func parseAnnotation(line string) (a annotation, err error) {
	parts := annotationLine.FindStringSubmatch(line)
	if parts == nil {
		return a, fmt.Errorf("%q is no annotation", line)
	}
	if !annotationText.MatchString(parts[3]) {
		return a, fmt.Errorf("message %q is not escaped", parts[3])
	}
	a = annotation{parts[1], map[string]string{}, strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(parts[3])}
	for one := range strings.SplitSeq(parts[2], ",") {
		name, value, is := strings.Cut(one, "=")
		switch _, twice := a.properties[name]; {
		case one == "" && parts[2] == "":
			continue
		case !is || twice || !slices.Contains(annotationProperties, name):
			return a, fmt.Errorf("property %q", one)
		case !annotationValue.MatchString(value):
			return a, fmt.Errorf("property %q is not escaped", one)
		}
		a.properties[name] = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(value)
	}
	return a, nil
}
