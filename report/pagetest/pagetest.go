// Package pagetest holds a page against what every page of Testbed promises: it stands
// alone, and a browser has nothing to complain of, in light and in the dark. It is for
// tests, and knows nothing of what a page says.
//
// Invariant: the browser reaches nobody.
package pagetest

import (
	"bytes"
	"image"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// Walk visits every element.
func Walk(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		Walk(c, visit)
	}
}

// StandsAlone fails the test where a page refers to something else, but for the links
// that are known, or to an id that it does not have.
func StandsAlone(t *testing.T, page string, known func(address string) bool) (root *html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	ids, referred := map[string]bool{}, []string{}
	Walk(root, func(n *html.Node) {
		assert.NotContains(t, []string{"link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}, n.Data)
		for _, a := range n.Attr {
			switch a.Key {
			case "src", "srcset", "action", "data", "poster", "background":
				t.Errorf("<%s %s=%q> refers to something else", n.Data, a.Key, a.Val)
			case "href":
				if at, here := strings.CutPrefix(a.Val, "#"); here {
					referred = append(referred, at)
				} else {
					assert.True(t, known(a.Val), a.Val)
				}
			case "aria-labelledby", "aria-describedby":
				referred = append(referred, strings.Fields(a.Val)...)
			case "id":
				assert.False(t, ids[a.Val], "id %q twice", a.Val)
				ids[a.Val] = true
			}
			assert.False(t, strings.HasPrefix(a.Key, "on"), "handler %s", a.Key)
		}
	})
	for _, id := range referred {
		assert.True(t, ids[id], "no id %q", id)
	}
	assert.NotRegexp(t, `(?i)@import|url\(|https?://|fetch\(|XMLHttp`, page)
	assert.Contains(t, page, "default-src 'none'", "the browser holds the page to it")
	return root
}

// Schemes of colour, as a reader prefers them: flags of the browser.
const (
	Light = "--blink-settings=preferredColorScheme=1"
	Dark  = "--blink-settings=preferredColorScheme=0"
)

// Browse opens a page in a headless Chromium and gives the document as its script left
// it; what the browser complains of fails the test.
func Browse(t *testing.T, page, fragment string) string {
	t.Helper()
	return string(chromium(t, page, fragment, Light, "--dump-dom"))
}

// Shot is a page's first screen in a scheme of colour.
func Shot(t *testing.T, page, scheme string) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shot.png")
	chromium(t, page, "", scheme, "--hide-scrollbars", "--window-size=1100,1080", "--screenshot="+path)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	shot, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return shot
}

func chromium(t *testing.T, page, fragment string, flags ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	address := url.URL{Scheme: "file", Path: path, Fragment: fragment}
	cmd := exec.CommandContext(t.Context(), "chromium", append(append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir=" + t.TempDir(), "--enable-logging=stderr",
	}, flags...), address.String())...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	require.NoError(t, err, "%s", complaints.String())
	require.NotContains(t, complaints.String(), "CONSOLE", "the browser complains of nothing")
	return out
}
