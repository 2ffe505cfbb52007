package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	fenced  = regexp.MustCompile("(?s)```.*?```")
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	labels  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// TestLinks follows the links between the pages of this repository, and to their sections.
func TestLinks(t *testing.T) {
	followed := 0
	for _, page := range files(t) {
		if filepath.Ext(page) != ".md" {
			continue
		}
		for _, found := range link.FindAllStringSubmatch(prose(t, page), -1) {
			to, section := found[1], found[2]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			followed++
			target := page // Where the link is to a section of its own page.
			if to != "" {
				target = filepath.Join(filepath.Dir(page), to)
			}
			_, err := os.Stat(target)
			require.NoError(t, err, "%s links to it", page)
			if section != "" && strings.HasSuffix(target, ".md") {
				require.Contains(t, sections(prose(t, target)), section, "%s links to that section of %s", page, target)
			}
		}
	}
	require.Greater(t, followed, 40, "the pages were not understood")
}

// prose is a page without what is quoted in it.
func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return fenced.ReplaceAllString(string(text), "")
}

// sections are the names by which a page's headings are linked to, as GitHub makes them.
func sections(text string) []string {
	var all []string
	for _, found := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(strings.TrimSpace(labels.ReplaceAllString(found[1], "$1")))
		all = append(all, strings.ReplaceAll(unsaid.ReplaceAllString(name, ""), " ", "-"))
	}
	return all
}
