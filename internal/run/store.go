package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// Store is where results go: Root/<lab>/<UTC time>, and Root/<lab>/latest
// points to the newest; or exactly Dir.
type Store struct {
	Root string
	Dir  string // Optional; wins over Root.
}

// Check finds out before anything is measured that a result can be kept.
func (s Store) Check() error {
	if s.Dir == "" {
		return nil
	}
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("result folder: %w", err)
	}
	return fmt.Errorf("result folder %s is not empty; a result never overwrites another", s.Dir)
}

// Save writes an outcome. The folder appears whole or not at all.
func (s Store) Save(lab *Lab, lockPath string, o *Outcome) (string, error) {
	final, err := s.place(lab.Name, o.started.UTC())
	if err != nil {
		return "", fmt.Errorf("result folder: %w", err)
	}
	partial, err := os.MkdirTemp(filepath.Dir(final), ".partial-")
	if err != nil {
		return "", fmt.Errorf("result folder: %w", err)
	}
	defer os.RemoveAll(partial) // Gone by its new name where all went well.
	if err := fill(partial, lab, lockPath, o); err != nil {
		return "", err
	}
	if err := o.scratch.move(partial); err != nil {
		return "", err
	}
	if err := os.Chmod(partial, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(partial, final); err != nil {
		return "", fmt.Errorf("result folder: %w", err)
	}
	return final, s.point(final)
}

// Scratch is a folder on the file system of a lab's results.
func (s Store) Scratch(lab string) string {
	if s.Dir != "" {
		return filepath.Dir(filepath.Clean(s.Dir))
	}
	return filepath.Join(s.Root, lab)
}

func (s Store) place(lab string, started time.Time) (string, error) {
	if s.Dir != "" {
		final, err := filepath.Abs(s.Dir)
		if err != nil {
			return "", err
		}
		return final, os.MkdirAll(filepath.Dir(final), 0o755)
	}
	root := filepath.Join(s.Root, lab)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	name := started.Format("20060102T150405Z")
	final := filepath.Join(root, name)
	for n := 2; exists(final); n++ {
		final = filepath.Join(root, fmt.Sprintf("%s-%d", name, n))
	}
	return final, nil
}

func fill(dir string, lab *Lab, lockPath string, o *Outcome) error {
	if err := report.Write(dir, o.Result, o.Blocks); err != nil {
		return err
	}
	files := map[string][]byte{filepath.Base(lab.Source): lab.Text}
	lock, err := os.ReadFile(lockPath)
	if err == nil {
		files[filepath.Base(lockPath)] = lock
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	plan, err := planFile(lab)
	if err != nil {
		return err
	}
	files[report.PlanFile] = plan
	if o.Comparison != nil {
		comparison, err := comparisonFiles(o.Comparison)
		if err != nil {
			return err
		}
		maps.Copy(files, comparison)
	}
	for name, log := range o.Consoles {
		files[filepath.Join(consolesFolder, name)] = log
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// planFile is the lab with every default filled in and every reference resolved. Of
// paths only the last part says something elsewhere.
func planFile(lab *Lab) ([]byte, error) {
	plan := lab.Lab
	plan.Source = filepath.Base(plan.Source)
	plan.Images = slices.Clone(plan.Images)
	for i, image := range plan.Images {
		for _, path := range []*string{&image.Kernel, &image.Modules, &image.Tree, &image.Deb} {
			if *path != "" {
				*path = filepath.Base(*path)
			}
		}
		plan.Images[i] = image
	}
	text, err := json.MarshalIndent(plan, "", "  ")
	return append(text, '\n'), err
}

// comparisonFiles hold a verdict, for programs and for people.
func comparisonFiles(all []testbed.Comparison) (map[string][]byte, error) {
	var data, text bytes.Buffer
	err := errors.Join(report.CompareJSON(&data, all), report.CompareMarkdown(&text, all))
	return map[string][]byte{"comparison.json": data.Bytes(), "comparison.md": text.Bytes()}, err
}

// point makes "latest" the newest result.
func (s Store) point(final string) error {
	if s.Dir != "" {
		return nil
	}
	return renameio.Symlink(filepath.Base(final), filepath.Join(filepath.Dir(final), "latest"))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
