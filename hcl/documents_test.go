package hcl_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/hcl"
	"github.com/testbed-lab/testbed/testbed"
)

var (
	fence = regexp.MustCompile("(?ms)^```hcl\n(.*?)^```")
	whole = regexp.MustCompile(`(?m)^lab "`)
)

// Every piece of HCL that a reader may copy is right: whole labs load, the rest
// is at least HCL, and all are laid out as fmt would.
func TestDocuments(t *testing.T) {
	documents, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, documents)
	if _, err := os.Stat("../README.md"); err == nil {
		documents = append(documents, "../README.md")
	}
	for _, path := range documents {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, block := range fence.FindAllStringSubmatchIndex(string(text), -1) {
			line := 1 + strings.Count(string(text[:block[2]]), "\n")
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(path), line), func(t *testing.T) {
				checkDocument(t, text[block[2]:block[3]])
			})
		}
	}
}

func checkDocument(t *testing.T, text []byte) {
	formatted, diags := hcl.Format(text, "document.hcl")
	require.False(t, diags.HasErrors(), rendered(t, diags))
	require.Equal(t, string(formatted), string(text), "as fmt would lay it out")
	if whole.Match(text) {
		_, diags = hcl.Parse(text, "document.hcl", hcl.Options{})
		require.Zero(t, diags.Len(), rendered(t, diags))
	}
}

// Every example loads, and is laid out.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*.hcl")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	papers, err := filepath.Glob("../examples/papers/*.hcl")
	require.NoError(t, err)
	require.NotEmpty(t, papers)
	files = append(files, papers...)
	for _, path := range files {
		if strings.HasSuffix(path, ".lock.hcl") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, diags := hcl.Load(path, hcl.Options{})
			require.Zero(t, diags.Len(), rendered(t, diags))
			formatted, _ := hcl.Format(file.Text, path)
			require.Equal(t, string(formatted), string(file.Text))
			if slices.Contains(papers, path) {
				requirePublished(t, file.Lab.Expectations)
			}
		})
	}
}

// requirePublished holds that every claim of a paper's lab says where it was published.
func requirePublished(t *testing.T, claims []testbed.Expectation) {
	t.Helper()
	require.NotEmpty(t, claims)
	for _, claim := range claims {
		require.NotEmpty(t, claim.Published, claim.Name)
	}
}

// The first example is the question of the lecture, over every mode of it.
func TestContainerLatency(t *testing.T) {
	file, diags := hcl.Load("../examples/container-latency.hcl", hcl.Options{})
	require.Zero(t, diags.Len(), rendered(t, diags))
	require.Len(t, file.Lab.Cells, 1)
	modes := []string{"host", "docker0", "routed", "macvlan", "ipvlan_l2", "ipvlan_l3", "ipvlan_l3s"}
	for i, want := range []struct {
		protocol string
		rounds   int
		block    time.Duration
	}{{"tcp_rr", 10, 250 * time.Millisecond}, {"udp_rr", 8, 100 * time.Millisecond}} {
		test := file.Lab.Cells[0].Tests[i]
		require.Equal(t, want.protocol, test.Protocol)
		require.Equal(t, modes, test.Modes)
		require.Equal(t, want.rounds, test.Rounds)
		require.EqualValues(t, want.block, test.Block)
	}
}

// What testbed init writes runs as it is, and is explained.
func TestFirstLab(t *testing.T) {
	file, diags := hcl.Parse([]byte(examples.First), "lab.hcl", hcl.Options{})
	require.Zero(t, diags.Len(), rendered(t, diags))
	require.Len(t, file.Lab.Cells[0].Tests, 1)
	require.Len(t, file.Lab.Cells[0].Tests[0].Modes, 3)
	require.GreaterOrEqual(t, strings.Count(examples.First, "#"), 20, "comments for a newcomer")
}
