package deb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Stanza is one paragraph of a control file: field names as written, values
// with their continuation lines joined by newlines.
type Stanza map[string]string

// maxLine is longer than any line of the archive's indexes; a "Provides" of
// tens of kilobytes exists.
const maxLine = 4 << 20

// Stanzas calls visit for each stanza of a control file. The stanza is visit's
// to keep. Lines that begin with # are comments.
func Stanzas(r io.Reader, visit func(Stanza) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	stanza, field := Stanza{}, ""
	flush := func() error {
		done := stanza
		stanza, field = Stanza{}, ""
		if len(done) == 0 {
			return nil
		}
		return visit(done)
	}
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case line == "":
			if err := flush(); err != nil {
				return err
			}
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if field == "" {
				return fmt.Errorf("continuation line %q without a field", line)
			}
			stanza[field] += "\n" + strings.TrimLeft(line, " \t")
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(name, " \t") {
				return fmt.Errorf("line %q is no field", line)
			}
			field = name
			stanza[field] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read control file: %w", err)
	}
	return flush()
}

// First returns the first stanza of a control file.
func First(r io.Reader) (Stanza, error) {
	var first Stanza
	errFound := errors.New("found")
	err := Stanzas(r, func(s Stanza) error { first = s; return errFound })
	if err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	if first == nil {
		return nil, errors.New("empty control file")
	}
	return first, nil
}

// Dependency is one package that another needs.
type Dependency struct {
	Name    string
	Version string // Exact version, where the relation is "=". Optional.
}

// Dependencies splits a Depends field: each element is one requirement, with
// its alternatives in the order of preference. Relations other than "=" are
// dropped: within one suite the archive has already seen to them.
func Dependencies(field string) [][]Dependency {
	var all [][]Dependency
	for group := range strings.SplitSeq(field, ",") {
		var alternatives []Dependency
		for one := range strings.SplitSeq(group, "|") {
			name, relation, _ := strings.Cut(strings.TrimSpace(one), " ")
			name, _, _ = strings.Cut(name, ":")
			if name == "" {
				continue
			}
			d := Dependency{Name: name}
			relation, _, _ = strings.Cut(strings.Trim(relation, "() "), ")")
			if version, ok := strings.CutPrefix(relation, "="); ok {
				d.Version = strings.TrimSpace(version)
			}
			alternatives = append(alternatives, d)
		}
		if alternatives != nil {
			all = append(all, alternatives)
		}
	}
	return all
}
