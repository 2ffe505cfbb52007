package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/testbed-lab/testbed/report/bundle"
	"github.com/testbed-lab/testbed/report/redact"
	"github.com/testbed-lab/testbed/testbed"
)

// PlanFile is the resolved lab beside a result.
const PlanFile = "plan.json"

// BundleOptions say how a bundle is made.
type BundleOptions struct {
	Testbed string // Version of this program.
	// Self is the file that is written, which is not packed where it lies beside the result.
	Self string
	// Images are the files of images that are packed too, in place of those that lie
	// beside the result.
	Images []bundle.File
}

// Bundle packs a stored result, with all that lies beside it, for somebody else: the
// drawings are made anew of what is left after redaction. removed says what was taken
// out.
func Bundle(w io.Writer, dir string, o BundleOptions) (removed []string, err error) {
	r, blocks, err := Read(dir)
	if err != nil {
		return nil, err
	}
	secrets := redact.Local()
	plan, err := os.ReadFile(filepath.Join(dir, PlanFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // Results of before there were plans have none.
		return nil, fmt.Errorf("bundle: %w", err)
	}
	lab, err := os.ReadFile(filepath.Join(dir, filepath.Base(r.LabFile)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	for _, target := range append(reached.FindAllSubmatch(plan, -1), reachedByLab.FindAllSubmatch(lab, -1)...) {
		secrets.Reached(string(target[1]))
	}
	facts, err := JSON(r)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	for _, text := range [][]byte{facts, plan, lab} {
		for _, target := range hypervisors.FindAllSubmatch(text, -1) {
			secrets.Reached(string(target[1]))
		}
	}
	secrets.Hosts = append(secrets.Hosts, hostNames(r)...)
	secrets.Nodes = nodeNames(r)
	redactor := redact.New(secrets)
	if r, blocks, err = redacted(redactor, r, blocks); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	drawn, err := render(r, blocks)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var files []bundle.File
	own := map[string]bool{}
	for _, f := range drawn {
		own[f.name] = true
		files = append(files, bundle.File{Path: f.name, Data: f.data})
	}
	beside, err := besideResult(dir, o.Self, own, redactor)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if len(o.Images) > 0 {
		beside = append(slices.DeleteFunc(beside, func(f bundle.File) bool { return strings.HasPrefix(f.Path, imagesPrefix) }), o.Images...)
	}
	files = append(files, beside...)
	crate, err := crateOf(r, o.Testbed, files)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	files = append(files, bundle.File{Path: crateFile, Data: crate})
	return redactor.Removed(), bundle.Write(w, bundle.Manifest{Testbed: o.Testbed, Made: r.Started}, files)
}

// reached finds the machines of a plan that are reached over SSH.
var reached = regexp.MustCompile(`"SSH": "([^"]+)"`)

// reachedByLab finds the same in a lab file.
var reachedByLab = regexp.MustCompile(`(?m)^\s*ssh\s*=\s*"([^"]+)"`)

// hypervisors finds the computers that libvirt URIs name.
var hypervisors = regexp.MustCompile(`qemu\+ssh://([^/"\s]+)/`)

// hostNames are those that machines call themselves; a VM's is the lab's name for it.
func hostNames(r testbed.Result) (names []string) {
	for _, m := range r.Environment.Machines {
		if name, is := m.Facts["hostname"].(string); is && name != m.Name && r.Backend != backendIcount { // Whose guest is called "guest".
			names = append(names, name)
		}
	}
	if name, is := r.Environment.Host["hostname"].(string); is {
		names = append(names, name)
	}
	return names
}

// nodeNames are those under which a cluster or themselves know the hosts of cells.
func nodeNames(r testbed.Result) (names []string) {
	if r.Environment.Node != "" {
		names = append(names, r.Environment.Node)
	}
	for _, c := range r.Environment.Cells {
		if !slices.Contains(names, c.Node) {
			names = append(names, c.Node)
		}
	}
	slices.Sort(names)
	return names
}

// redacted redacts what texts there are; histograms are base64, in which a short name
// can stand by chance.
func redacted(redactor *redact.Redactor, r testbed.Result, blocks []testbed.Block) (testbed.Result, []testbed.Block, error) {
	text, err := JSON(r)
	if err != nil {
		return r, nil, err
	}
	if r, err = decodeResult(redactor.Apply(ResultFile, text)); err != nil {
		return r, nil, err
	}
	clean := make([]testbed.Block, len(blocks))
	for i, b := range blocks {
		histogram, warmup := b.Histogram, b.Warmup
		b.Histogram, b.Warmup = "", ""
		text, err := json.Marshal(b)
		if err != nil {
			return r, nil, err
		}
		if err := json.Unmarshal(redactor.Apply(BlocksFile, text), &clean[i]); err != nil {
			return r, nil, err
		}
		clean[i].Histogram, clean[i].Warmup = histogram, warmup
	}
	return r, clean, nil
}

// imagesPrefix is the folder of images that are kept with a result.
const imagesPrefix = "images/"

// besideResult are the files of a result's folder that are no drawings: texts without
// secrets; and samples, which are numbers, and images, which are pinned by their digests,
// as they are.
func besideResult(dir, self string, drawn map[string]bool, redactor *redact.Redactor) (files []bundle.File, err error) {
	root, err := filepath.EvalSymlinks(dir) // "latest" is a link.
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		// A file that begins with a dot is one that is being written.
		if same, err := filepath.Abs(path); err != nil || same == self || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || drawn[name] || name == bundle.ManifestFile || name == crateFile { // Those of a bundle that was unpacked.
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file", path)
		}
		if name = filepath.ToSlash(name); strings.HasPrefix(name, "samples/") || strings.HasPrefix(name, imagesPrefix) {
			files = append(files, bundle.File{Path: name, From: path})
			return nil
		}
		text, err := os.ReadFile(path)
		if utf8.Valid(text) { // What is no text has no names in it.
			text = redactor.Apply(name, text)
		}
		files = append(files, bundle.File{Path: string(redactor.Apply(name, []byte(name))), Data: text})
		return err
	})
	return files, err
}
