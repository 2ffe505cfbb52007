// Package ci writes outcomes in the formats that build servers and kernel test
// harnesses read: JUnit XML, KTAP, and GitHub's annotation lines. It knows cases and
// nothing of what they are about.
package ci

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Outcome of a case.
type Outcome int

// The outcomes. One that could not be decided is skipped, not passed: a build server
// shows it, and a reader does not take it for a success.
const (
	Pass Outcome = iota
	Fail
	Skip
)

// Case is one thing that was judged.
type Case struct {
	Name    string
	Outcome Outcome
	Text    string // What was found, in a line.
}

// Suite is a list of cases under one name.
type Suite struct {
	Name  string
	Cases []Case
}

func (s Suite) count(o Outcome) (n int) {
	for _, c := range s.Cases {
		if c.Outcome == o {
			n++
		}
	}
	return n
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
}

// JUnit writes suites as JUnit XML.
func JUnit(w io.Writer, suites []Suite) error {
	var document junitSuites
	for _, s := range suites {
		suite := junitSuite{Name: s.Name, Tests: len(s.Cases), Failures: s.count(Fail), Skipped: s.count(Skip)}
		for _, c := range s.Cases {
			one := junitCase{Class: s.Name, Name: c.Name}
			switch c.Outcome {
			case Fail:
				one.Failure = &junitMessage{c.Text, "failure"}
			case Skip:
				one.Skipped = &junitMessage{Message: c.Text}
			default:
				one.Output = c.Text
			}
			suite.Cases = append(suite.Cases, one)
		}
		document.Suites = append(document.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// KTAP writes suites as version 1 of the kernel's test anything protocol (the kernel's
// Documentation/dev-tools/ktap.rst), each suite a test with subtests.
func KTAP(w io.Writer, suites []Suite) error {
	var b strings.Builder
	fmt.Fprintf(&b, "KTAP version 1\n1..%d\n", len(suites))
	for i, s := range suites {
		fmt.Fprintf(&b, "    KTAP version 1\n    # Subtest: %s\n    1..%d\n", ktapText(s.Name), len(s.Cases))
		for k, c := range s.Cases {
			fmt.Fprintf(&b, "    %s\n", ktapLine(c.Outcome, k+1, c.Name, c.Text))
		}
		whole := Pass
		if s.count(Fail) > 0 {
			whole = Fail
		} else if s.count(Skip) == len(s.Cases) {
			whole = Skip
		}
		fmt.Fprintf(&b, "%s\n", ktapLine(whole, i+1, s.Name, ""))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func ktapLine(o Outcome, number int, name, text string) string {
	line := fmt.Sprintf("%s %d %s", map[bool]string{true: "not ok", false: "ok"}[o == Fail], number, ktapText(name))
	switch text = ktapText(text); {
	case o == Skip:
		line += strings.TrimRight(" # SKIP "+text, " ")
	case text != "":
		line += " # " + text
	}
	return line
}

// ktapText keeps to one line, without the sign that begins a directive.
func ktapText(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "#", " ")), " ")
}

// GitHub writes workflow commands that annotate a run: an error for a failure, a
// warning for what was skipped, a notice for the rest.
func GitHub(w io.Writer, suites []Suite) error {
	var b strings.Builder
	for _, s := range suites {
		for _, c := range s.Cases {
			command := map[Outcome]string{Pass: "notice", Fail: "error", Skip: "warning"}[c.Outcome]
			fmt.Fprintf(&b, "::%s title=%s::%s\n", command, gitHubProperty(s.Name+" "+c.Name), gitHubData(c.Text))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func gitHubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func gitHubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(gitHubData(s))
}
