// Command testsummary turns the output of `go test -json` into what a person
// wants of it: a line a package with its counts, all output of the tests that
// failed, the reason of each skip, the lines that begin with "figure:" of those
// that passed, and a total. It is not a test runner. It exits with 1 when anything
// failed and when nothing passed, so that it can end a pipe whose first command's
// status the shell forgets.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := summarize(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(1)
	}
}

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // Of build output.
	Test       string
	Output     string
	Elapsed    float64 // Seconds.
}

type counts struct{ passed, failed, skipped int }

type summary struct {
	out      io.Writer
	packages map[string]*counts
	output   map[[2]string][]string // By package and test.
	total    counts
	ended    int  // Packages.
	broken   bool // Something that is no test failed.
}

func summarize(in io.Reader, out io.Writer) error {
	s := &summary{out: out, packages: map[string]*counts{}, output: map[[2]string][]string{}}
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e event
		if json.Unmarshal(scanner.Bytes(), &e) != nil {
			fmt.Fprintln(out, scanner.Text())
			s.broken = true
			continue
		}
		s.take(e)
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped, in %d packages\n", s.total.passed, s.total.failed, s.total.skipped, s.ended)
	switch {
	case scanner.Err() != nil:
		return scanner.Err()
	case s.total.failed > 0 || s.broken:
		return fmt.Errorf("tests failed")
	case s.total.passed == 0:
		return fmt.Errorf("no test passed")
	}
	return nil
}

func (s *summary) take(e event) {
	key := [2]string{e.Package, e.Test}
	switch {
	case e.Action == "output":
		s.output[key] = append(s.output[key], e.Output)
	case e.Action == "build-output":
		fmt.Fprint(s.out, e.Output)
	case e.Action == "build-fail":
		s.broken = true
	case e.Test != "":
		s.test(e, key)
	default:
		s.end(e, key)
	}
}

// test counts a test or subtest that ended.
func (s *summary) test(e event, key [2]string) {
	c := s.of(e.Package)
	switch e.Action {
	case "pass":
		c.passed++
		s.figures(e.Test, s.output[key])
	case "skip":
		c.skipped++
		fmt.Fprintf(s.out, "skip\t%s %s: %s\n", e.Package, e.Test, reason(s.output[key]))
	case "fail":
		c.failed++
		s.print(key)
	default:
		return
	}
	delete(s.output, key)
}

// position is where a test logged a line: its file and line number.
var position = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// figures prints what a test that passed has measured and wants to be read.
func (s *summary) figures(test string, output []string) {
	for _, line := range output {
		line = strings.TrimSpace(position.ReplaceAllString(line, ""))
		if figure, is := strings.CutPrefix(line, "figure: "); is {
			fmt.Fprintf(s.out, "figure\t%s: %s\n", test, figure)
		}
	}
}

// end prints the line of a package that ended.
func (s *summary) end(e event, key [2]string) {
	c := s.of(e.Package)
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.out, "ok\t%s\t%.1f s\t%d passed", e.Package, e.Elapsed, c.passed)
		if c.skipped > 0 {
			fmt.Fprintf(s.out, ", %d skipped", c.skipped)
		}
		fmt.Fprintln(s.out)
	case "skip":
		fmt.Fprintf(s.out, "-\t%s\tno tests\n", e.Package)
	case "fail":
		s.broken = true
		s.unfinished(e.Package)
		s.print(key)
		fmt.Fprintf(s.out, "FAIL\t%s\t%.1f s\t%d passed, %d failed\n", e.Package, e.Elapsed, c.passed, c.failed)
	default:
		return
	}
	s.ended++
	s.total.passed += c.passed
	s.total.failed += c.failed
	s.total.skipped += c.skipped
}

// unfinished prints what tests said that a panic or a time-out cut short.
func (s *summary) unfinished(pkg string) {
	for key := range s.output {
		if key[0] == pkg && key[1] != "" {
			s.print(key)
		}
	}
}

func (s *summary) print(key [2]string) {
	for _, line := range s.output[key] {
		fmt.Fprint(s.out, line)
	}
	delete(s.output, key)
}

func (s *summary) of(pkg string) *counts {
	if s.packages[pkg] == nil {
		s.packages[pkg] = &counts{}
	}
	return s.packages[pkg]
}

// reason is the message that a test was skipped with.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return line
		}
	}
	return "no reason given"
}
