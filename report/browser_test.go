package report

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// browsed opens a page in a headless Chromium that reaches nobody, and gives the document
// as its script left it.
func browsed(t *testing.T, page, hash string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	address := url.URL{Scheme: "file", Path: path, Fragment: hash}
	cmd := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--dump-dom", address.String())
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	require.NoError(t, err, "%s", errors.String())
	require.NotContains(t, errors.String(), "CONSOLE", "the browser complains of nothing")
	return string(out)
}

var rowName = regexp.MustCompile(`<tr role="row" class="[^"]*"( hidden="")?>\s*<th scope="row"[^>]*>([^<]*)`)

// modesShown are the rows of the first test's table that are not hidden, in order.
func modesShown(t *testing.T, document string) (names []string) {
	t.Helper()
	part := regexp.MustCompile(`(?s)<table class="modes".*?</table>`).FindString(document)
	for _, row := range rowName.FindAllStringSubmatch(part, -1) {
		if row[1] == "" {
			names = append(names, row[2])
		}
	}
	return names
}

// TestPageInABrowser: the script sorts and filters, and neither it nor the page's policy
// has anything to complain of.
func TestPageInABrowser(t *testing.T) {
	r, blocks := judged(t)
	page := pageOf(t, r, blocks)
	document := browsed(t, page, "")
	require.Equal(t, []string{"host", "docker0", "routed", "macvlan", "ipvlan_l2", "ipvlan_l3", "ipvlan_l3s", "netkit_l2"}, modesShown(t, document))
	require.NotContains(t, document, `<p id="filter" hidden`, "the script ran, so the policy knows it")

	document = browsed(t, page, "sort=test-1.p50&order=descending")
	require.Equal(t, []string{"docker0", "routed", "ipvlan_l3s", "ipvlan_l3", "ipvlan_l2", "macvlan", "host", "netkit_l2"}, modesShown(t, document), "what has no figure is last")
	require.Contains(t, document, `aria-sort="descending"`)

	document = browsed(t, page, "filter=ipvlan")
	require.Equal(t, []string{"host", "ipvlan_l2", "ipvlan_l3", "ipvlan_l3s"}, modesShown(t, document), "host stays, by which the others are read")
}
