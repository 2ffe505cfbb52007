package report

import (
	"encoding/json"
	"path"
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
	ResultFile:        "Result: every figure with its interval, and the environment",
	BlocksFile:        "Raw blocks: one line each, with the histogram of its transactions",
	PageFile:          "Report",
	MarkdownFile:      "Report as Markdown",
	PlanFile:          "Plan: the lab with every default filled in",
	"comparison.json": "Verdict between two kernels",
	"comparison.md":   "Verdict between two kernels, as Markdown",
}

var crateTypes = map[string]string{
	".json": "application/json", ".jsonl": "application/jsonl", ".html": "text/html", ".md": "text/markdown",
	".hcl": "text/plain", ".log": "text/plain", ".folded": "text/plain",
}

// node is an entity of the crate's graph.
type node map[string]any

func link(id string) node { return node{"@id": id} }

// crateOf describes a bundle's files as a Research Object Crate: the result, the run
// that made it and the program that ran.
func crateOf(r testbed.Result, version string, files []bundle.File) ([]byte, error) {
	parts, entities := []node{}, []node{}
	for _, f := range files {
		parts = append(parts, link(f.Path))
		entities = append(entities, fileNode(r, f))
	}
	run := node{
		"@id": "#run", "@type": "CreateAction", "name": "Run of lab " + r.Lab,
		"startTime": r.Started.Format(time.RFC3339), "instrument": link("#testbed"),
		"object": link(r.LabFile), "result": []node{link(ResultFile), link(BlocksFile)},
	}
	if total := r.Timings["total"]; total > 0 {
		run["endTime"] = r.Started.Add(time.Duration(total * float64(time.Second))).Format(time.RFC3339)
	}
	graph := append([]node{
		{"@id": crateFile, "@type": "CreativeWork", "conformsTo": link("https://w3id.org/ro/crate/1.1"), "about": link("./")},
		{
			"@id": "./", "@type": "Dataset", "name": "Result of lab " + r.Lab, "description": firstOf(r.Description, "Request/response latency of container interface modes."),
			"datePublished": r.Started.Format(time.RFC3339), "license": "Not stated; ask whoever published it.",
			"hasPart": parts, "mentions": link("#run"),
		},
		run,
		{"@id": "#testbed", "@type": "SoftwareApplication", "name": "Testbed", "softwareVersion": firstOf(r.Tool.Version, version, "unknown")},
	}, entities...)
	text, err := json.MarshalIndent(node{"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}, "", "  ")
	return append(text, '\n'), err
}

func fileNode(r testbed.Result, f bundle.File) node {
	n := node{"@id": f.Path, "@type": "File", "name": firstOf(crateNames[f.Path], path.Base(f.Path))}
	if f.Path == r.LabFile {
		n["name"] = "Lab file: what was asked"
	}
	if strings.HasPrefix(f.Path, imagesPrefix) {
		n["name"] = "Image: " + strings.TrimPrefix(f.Path, imagesPrefix)
	}
	if kind := crateTypes[path.Ext(f.Path)]; kind != "" {
		n["encodingFormat"] = kind
	}
	if f.From == "" {
		n["contentSize"] = strconv.Itoa(len(f.Data))
	}
	return n
}
