// Package cratetest holds a folder against RO-Crate 1.1 (www.researchobject.org), for the
// tests of bundles. It reads the metadata as anybody does who never heard of Testbed:
// through a JSON-LD processor and the published context, whose copy lies here (CC0, as the
// npm package ro-crate 3.3.0 ships it), since a test reaches no network.
//
// Invariant: nothing is taken from the metadata's text that the processor did not see.
package cratetest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"
	"github.com/stretchr/testify/require"
)

// Metadata is the file that describes all others.
const Metadata = "ro-crate-metadata.json"

// Where the words come from.
const (
	contextIRI = "https://w3id.org/ro/crate/1.1/context"
	schema     = "http://schema.org/"
	file       = schema + "MediaObject" // What RO-Crate calls a File.
)

// base stands for wherever a crate lies.
const base = "https://crate.example.org/"

//go:embed ro-crate-1.1-context.json
var context []byte

// entity is a node of the graph, expanded: full names, and all values in lists.
type entity = map[string]any

// Require fails the test unless the folder is a crate: each word of its metadata is known,
// what the specification asks for is there, and the files are those that are described.
func Require(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, Metadata))
	require.NoError(t, err)
	entities := expand(t, text)
	descriptor, root := entities[base+Metadata], entities[base]
	require.Contains(t, descriptor["@type"], schema+"CreativeWork")
	require.Equal(t, []string{base}, references(descriptor, schema+"about"))
	require.Equal(t, []string{"https://w3id.org/ro/crate/1.1"}, references(descriptor, "http://purl.org/dc/terms/conformsTo"))
	require.Contains(t, root["@type"], schema+"Dataset")
	for _, name := range []string{"name", "description", "datePublished", "license"} {
		require.NotEmpty(t, root[schema+name], "the root dataset's %s", name)
	}
	require.Regexp(t, `^\d{4}-\d\d-\d\d`, value(root, schema+"datePublished"), "to the day at least")
	requireFiles(t, dir, entities, references(root, schema+"hasPart"))
	requireReferences(t, entities)
}

// expand runs the processor, and holds that it dropped nothing.
func expand(t *testing.T, text []byte) map[string]entity {
	t.Helper()
	var document map[string]any
	require.NoError(t, json.Unmarshal(text, &document))
	options := ld.NewJsonLdOptions(base)
	options.DocumentLoader = offline{}
	expanded, err := ld.NewJsonLdProcessor().Expand(document, options)
	require.NoError(t, err)
	written := document["@graph"].([]any)
	require.Len(t, expanded, len(written), "every entity says something")
	entities := map[string]entity{}
	for i, one := range expanded {
		node := one.(entity)
		id, is := node["@id"].(string)
		require.True(t, is && strings.Contains(id, ":"), "%v: an address", node["@id"])
		require.NotContains(t, entities, id, "each entity is there once")
		require.NotEmpty(t, node["@type"], id)
		for _, kind := range node["@type"].([]any) {
			require.Contains(t, kind, "://", "%s: type %v is in the context", id, kind)
		}
		require.Len(t, node, len(written[i].(map[string]any)), "%s: a word that the context does not have is dropped", id)
		entities[id] = node
	}
	return entities
}

// requireFiles: each file is described, and each that is described is there, with the
// form that it has and the size that is said.
func requireFiles(t *testing.T, dir string, entities map[string]entity, parts []string) {
	t.Helper()
	described := []string{Metadata}
	for id, one := range entities {
		if !has(one["@type"], file) {
			continue
		}
		require.Contains(t, parts, id, "what is a file is a part of the crate")
		name, err := url.PathUnescape(strings.TrimPrefix(id, base))
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		require.NoError(t, err)
		if size := value(one, schema+"contentSize"); size != "" {
			require.Equal(t, fmt.Sprint(info.Size()), size, name)
		}
		require.Regexp(t, `^\w+/[\w.+-]+$`, value(one, schema+"encodingFormat"), name)
		require.NotEmpty(t, value(one, schema+"name"), name)
		described = append(described, name)
	}
	require.Len(t, parts, len(described)-1, "every part is a file")
	var there []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			there = append(there, filepath.ToSlash(name))
		}
		return err
	}))
	require.ElementsMatch(t, there, described)
}

// requireReferences: whatever is pointed to in the crate is described in it.
func requireReferences(t *testing.T, entities map[string]entity) {
	t.Helper()
	for id, one := range entities {
		for name := range one {
			for _, to := range references(one, name) {
				if strings.HasPrefix(to, base) {
					require.Contains(t, entities, to, "%s of %s", name, id)
				}
			}
		}
	}
}

func has(kinds any, kind string) bool {
	all, _ := kinds.([]any)
	for _, one := range all {
		if one == kind {
			return true
		}
	}
	return false
}

// references are the entities that a property points to.
func references(one entity, name string) (ids []string) {
	all, _ := one[name].([]any)
	for _, to := range all {
		if node, is := to.(map[string]any); is && node["@id"] != nil {
			ids = append(ids, fmt.Sprint(node["@id"]))
		}
	}
	return ids
}

// value is the first plain one of a property; "" without one.
func value(one entity, name string) string {
	all, _ := one[name].([]any)
	for _, v := range all {
		if node, is := v.(map[string]any); is && node["@value"] != nil {
			return fmt.Sprint(node["@value"])
		}
	}
	return ""
}

// offline knows RO-Crate's context and nothing else.
type offline struct{}

// LoadDocument implements [ld.DocumentLoader].
func (offline) LoadDocument(address string) (*ld.RemoteDocument, error) {
	if address != contextIRI {
		return nil, fmt.Errorf("a crate has no other context than %s: %s", contextIRI, address)
	}
	var document any
	if err := json.Unmarshal(context, &document); err != nil {
		return nil, err
	}
	return &ld.RemoteDocument{DocumentURL: address, Document: document}, nil
}
