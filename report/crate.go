package report

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/report/bundle"
	"github.com/testbed-lab/testbed/testbed"
)

// crateFile is where RO-Crate's metadata lie (RO-Crate 1.1, www.researchobject.org).
const crateFile = "ro-crate-metadata.json"

// crateNames say what the files of a bundle are.
var crateNames = map[string]string{
	ResultFile:          "Result: every figure with its interval, and the environment",
	BlocksFile:          "Raw blocks: one line each, with the histogram of its transactions",
	PageFile:            "Report",
	MarkdownFile:        "Report as Markdown",
	PlanFile:            "Plan: the lab with every default filled in",
	bundle.ManifestFile: "Checksums of the files, and the version that packed them",
	"comparison.json":   "Verdict between two kernels",
	"comparison.md":     "Verdict between two kernels, as Markdown",
}

var crateTypes = map[string]string{
	".json": "application/json", ".jsonl": "application/jsonl", ".html": "text/html", ".md": "text/markdown",
	".hcl": "text/plain", ".log": "text/plain", ".folded": "text/plain", ".zst": "application/zstd",
}

// crateLicense is an entity: RO-Crate wants a license, and nobody but whoever publishes a
// result can give one.
const crateLicense = "#license"

// node is an entity of the crate's graph.
type node map[string]any

func link(id string) node { return node{"@id": id} }

// address of a file in the crate, as a URL has it (RO-Crate 1.1, "Encoding file paths").
func address(path string) string { return (&url.URL{Path: path}).String() }

// crateOf describes a bundle's files as a Research Object Crate: the result, the run
// that made it and the program that ran.
func crateOf(r testbed.Result, version string, files []bundle.File) ([]byte, error) {
	parts, entities := []node{}, []node{}
	for _, f := range append(files[:len(files):len(files)], bundle.File{Path: bundle.ManifestFile}) {
		parts = append(parts, link(address(f.Path)))
		entities = append(entities, fileNode(r, f))
	}
	run := node{
		"@id": "#run", "@type": "CreateAction", "name": "Run of lab " + r.Lab,
		"startTime": r.Started.Format(time.RFC3339), "instrument": link("#testbed"),
		"result": []node{link(ResultFile), link(BlocksFile)},
	}
	if slices.ContainsFunc(files, func(f bundle.File) bool { return f.Path == r.LabFile }) {
		run["object"] = link(address(r.LabFile))
	}
	if total := r.Timings["total"]; total > 0 {
		run["endTime"] = r.Started.Add(time.Duration(total * float64(time.Second))).Format(time.RFC3339)
	}
	graph := append([]node{
		{"@id": crateFile, "@type": "CreativeWork", "conformsTo": link("https://w3id.org/ro/crate/1.1"), "about": link("./")},
		{
			"@id": "./", "@type": "Dataset", "name": "Result of lab " + r.Lab, "description": firstOf(r.Description, "Request/response latency of container interface modes."),
			"datePublished": r.Started.Format(time.RFC3339), "license": link(crateLicense),
			"hasPart": parts, "mentions": link("#run"),
		},
		run,
		{"@id": crateLicense, "@type": "CreativeWork", "name": "License not stated", "description": "Ask whoever published the result."},
		{"@id": "#testbed", "@type": "SoftwareApplication", "name": "Testbed", "softwareVersion": firstOf(r.Tool.Version, version, "unknown")},
	}, entities...)
	text, err := json.MarshalIndent(node{"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}, "", "  ")
	return append(text, '\n'), err
}

func fileNode(r testbed.Result, f bundle.File) node {
	n := node{
		"@id": address(f.Path), "@type": "File", "name": firstOf(crateNames[f.Path], path.Base(f.Path)),
		"encodingFormat": firstOf(crateTypes[path.Ext(f.Path)], "application/octet-stream"),
	}
	if f.Path == r.LabFile {
		n["name"] = "Lab file: what was asked"
	}
	if strings.HasPrefix(f.Path, imagesPrefix) {
		n["name"] = "Image: " + strings.TrimPrefix(f.Path, imagesPrefix)
	}
	if f.Data != nil {
		n["contentSize"] = strconv.Itoa(len(f.Data))
	}
	return n
}
