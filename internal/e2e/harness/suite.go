package harness

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Suite is the tests of one package.
type Suite struct {
	// Program is the path of the binary under test: what `make build` made.
	Program string

	// Owner marks all that the suite makes; the same in every run of this checkout, so
	// that a run collects what a killed one left.
	Owner string

	// Before ends what the program knows nothing of, before the program collects the
	// rest. Optional.
	Before func() error

	name    string
	collect [][]string
}

// NewSuite is a suite by its package's name; the program's path is relative to the
// package, and collect are the program's command lines that remove all of an owner's.
func NewSuite(name, program string, collect ...[]string) *Suite {
	path, err := filepath.Abs(program)
	if err != nil {
		panic(err) // The working folder is gone.
	}
	return &Suite{
		Program: path,
		Owner:   fmt.Sprintf("test-%x", sha256.Sum256([]byte(path+" "+name)))[:17],
		name:    name,
		collect: collect,
	}
}

// Environment is this process's with the owner's mark, in a language that tests can
// read, and with more.
func (s *Suite) Environment(more ...string) []string {
	return append(append(os.Environ(), "TESTBED_OWNER="+s.Owner, "LC_ALL=C.UTF-8"), more...)
}

// Main runs the tests, and collects before and after them. It does not return.
func (s *Suite) Main(m *testing.M) {
	if _, err := os.Stat(s.Program); err != nil {
		fmt.Fprintf(os.Stderr, "%s: no program to test; run `make build`: %v\n", s.name, err)
		os.Exit(1)
	}
	if err := s.Collect(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: collect what an earlier run left: %v\n", s.name, err)
		os.Exit(1)
	}
	status := m.Run()
	if err := s.Collect(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: collect what this run left: %v\n", s.name, err)
		status = 1
	}
	os.Exit(status)
}

// Collect removes all that carries the owner's mark.
func (s *Suite) Collect() error {
	if s.Before != nil {
		if err := s.Before(); err != nil {
			return err
		}
	}
	for _, args := range s.collect {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		cmd := command(ctx, append([]string{s.Program}, args...)...)
		cmd.Env = s.Environment()
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return fmt.Errorf("testbed %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
