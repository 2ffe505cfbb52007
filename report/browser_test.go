package report

import (
	"image"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/report/pagetest"
)

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
	document := pagetest.Browse(t, page, "")
	require.Equal(t, []string{"host", "docker0", "routed", "macvlan", "ipvlan_l2", "ipvlan_l3", "ipvlan_l3s", "netkit_l2"}, modesShown(t, document))
	require.NotContains(t, document, `<p id="filter" hidden`, "the script ran, so the policy knows it")

	document = pagetest.Browse(t, page, "sort=test-1.p50&order=descending")
	require.Equal(t, []string{"docker0", "routed", "ipvlan_l3s", "ipvlan_l3", "ipvlan_l2", "macvlan", "host", "netkit_l2"}, modesShown(t, document), "what has no figure is last")
	require.Contains(t, document, `aria-sort="descending"`)

	document = pagetest.Browse(t, page, "filter=ipvlan")
	require.Equal(t, []string{"host", "ipvlan_l2", "ipvlan_l3", "ipvlan_l3s"}, modesShown(t, document), "host stays, by which the others are read")
}

// TestPageInTheDark: a reader's scheme is followed, and the first screen is there in both.
func TestPageInTheDark(t *testing.T) {
	r, blocks := judged(t)
	page := pageOf(t, r, blocks)
	light, dark := brightness(pagetest.Shot(t, page, pagetest.Light)), brightness(pagetest.Shot(t, page, pagetest.Dark))
	require.Greater(t, light, 0.85, "ink on paper")
	require.Less(t, light, 0.99)
	require.Less(t, dark, 0.2)
	require.Greater(t, dark, 0.08)
}

// brightness is the mean over all points, from 0, black, to 1.
func brightness(shot image.Image) float64 {
	sum, area := 0.0, shot.Bounds()
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			r, g, b, _ := shot.At(x, y).RGBA()
			sum += float64(r+g+b) / (3 * 0xffff)
		}
	}
	return sum / float64(area.Dx()*area.Dy())
}
