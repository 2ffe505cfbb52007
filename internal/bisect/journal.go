package bisect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// JournalFile is the journal's name in a bisect's folder.
const JournalFile = "bisect.json"

// journalSchema is the identifier of its format.
const journalSchema = "testbed.bisect/v1"

func sortedNames(a, b map[string]any) []string {
	names := slices.Collect(maps.Keys(a))
	names = slices.AppendSeq(names, maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}

// Step is what was decided of one version.
type Step struct {
	Version string  `json:"version"`
	Verdict Verdict `json:"verdict,omitempty"` // Empty: measured, and nothing else asked.
	Reason  string  `json:"reason"`            // In words: the change against the good version, or why it was skipped.
	Seconds float64 `json:"seconds"`           // That it took.
}

// Journal is a bisect's memory: the question and what was decided, in a folder beside the
// results. It is written after each decision, whole or not at all.
type Journal struct {
	Schema string `json:"schema"`
	// Question is all that the decisions depend on. Another question needs another folder.
	Question map[string]any `json:"question"`
	Steps    []Step         `json:"steps"`

	dir string
}

// OtherQuestionError says that a folder holds the answers to another question.
type OtherQuestionError struct {
	Dir     string
	Differs []string // Names in the question.
}

func (e *OtherQuestionError) Error() string {
	return fmt.Sprintf("%s holds another bisect: it differs in %s", e.Dir, strings.Join(e.Differs, ", "))
}

// Hint is the remedy.
func (e *OtherQuestionError) Hint() string {
	return "name another folder with --state, or remove that one"
}

// OpenJournal reads the journal of a folder, or begins one there.
func OpenJournal(dir string, question map[string]any) (*Journal, error) {
	j := &Journal{Schema: journalSchema, Question: question, Steps: []Step{}, dir: dir}
	asked, err := plain(question)
	if err != nil {
		return nil, fmt.Errorf("journal of the bisect: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, JournalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal of the bisect: %w", err)
	}
	var old Journal
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, fmt.Errorf("journal of the bisect %q (remove the folder to begin anew): %w", dir, err)
	}
	if old.Schema != journalSchema {
		return nil, fmt.Errorf("journal of the bisect %q: its schema is %q, and this testbed knows %q", dir, old.Schema, journalSchema)
	}
	if differs := differing(old.Question, asked); len(differs) > 0 {
		return nil, &OtherQuestionError{Dir: dir, Differs: differs}
	}
	j.Steps = old.Steps
	return j, nil
}

// plain is a question as it is read back.
func plain(question map[string]any) (read map[string]any, err error) {
	text, err := json.Marshal(question)
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	return read, err
}

func differing(a, b map[string]any) (names []string) {
	for _, name := range sortedNames(a, b) {
		if !reflect.DeepEqual(a[name], b[name]) {
			names = append(names, name)
		}
	}
	return names
}

// Step is what was decided of a version.
func (j *Journal) Step(version string) (Step, bool) {
	for _, s := range j.Steps {
		if s.Version == version {
			return s, true
		}
	}
	return Step{}, false
}

// Add keeps a decision. One that is there is replaced.
func (j *Journal) Add(s Step) error {
	kept := j.Steps[:0:0]
	for _, old := range j.Steps {
		if old.Version != s.Version {
			kept = append(kept, old)
		}
	}
	j.Steps = append(kept, s)
	text, err := json.MarshalIndent(j, "", "  ")
	if err == nil {
		err = os.MkdirAll(j.dir, 0o755)
	}
	if err == nil {
		err = renameio.WriteFile(filepath.Join(j.dir, JournalFile), append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keep what was decided: %w", err)
	}
	return nil
}
