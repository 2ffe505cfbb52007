package archive

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/testbed-lab/testbed/images/deb"
)

// source is one archive in apt's configuration (sources.list(5)).
type source struct {
	uri        string
	suites     []string
	components []string
	signedBy   string
}

// suites are Debian's: code names and what they are called as they age. One
// that is not here yet is found once any of the others stands beside it.
var suites = []string{
	"buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	"oldoldstable", "oldstable", "stable", "testing", "unstable",
}

// FromApt returns the Debian archive that apt uses on this machine, from the
// configuration in dir (normally /etc/apt), or "" where there is none. A
// security archive and other people's archives are not it.
func FromApt(dir string) (string, error) {
	all, err := readSources(dir)
	if err != nil {
		return "", err
	}
	best, bestScore := "", 0
	for _, s := range all {
		if score := s.score(); score > bestScore {
			best, bestScore = s.uri, score
		}
	}
	if best == "" {
		return "", nil
	}
	return resolveMirrorFile(best)
}

// score says how sure it is that a source is the Debian archive; 0 or less: it
// is not. Third parties use Debian's suite names too (and "main"), so what
// tells them apart is a key that is not Debian's, and the name of the folder.
func (s source) score() int {
	if !slices.ContainsFunc(s.suites, isDebianSuite) || !slices.Contains(s.components, "main") {
		return 0
	}
	score := 1
	switch {
	case strings.Contains(s.signedBy, "debian-archive"):
		score += 4
	case s.signedBy != "":
		score -= 4
	}
	if path.Base(strings.TrimRight(s.uri, "/")) == "debian" {
		score += 2
	}
	if len(s.suites) > 1 {
		score++
	}
	return score
}

func isDebianSuite(suite string) bool {
	base, rest, _ := strings.Cut(suite, "-")
	return slices.Contains(suites, base) &&
		slices.Contains([]string{"", "updates", "backports", "proposed-updates"}, rest)
}

func readSources(dir string) ([]source, error) {
	files := []string{filepath.Join(dir, "sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(filepath.Join(dir, "sources.list.d", pattern))
		if err != nil {
			return nil, fmt.Errorf("list apt sources in %q: %w", dir, err)
		}
		files = append(files, more...)
	}
	var all []source
	for _, file := range files {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read apt sources: %w", err)
		}
		parse := parseList
		if path.Ext(file) == ".sources" {
			parse = parseDeb822
		}
		found, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("read apt sources %q: %w", file, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func parseDeb822(text []byte) ([]source, error) {
	var all []source
	err := deb.Stanzas(bytes.NewReader(text), func(s deb.Stanza) error {
		if s["Enabled"] == "no" || !slices.Contains(strings.Fields(s["Types"]), "deb") {
			return nil
		}
		for _, uri := range strings.Fields(s["URIs"]) {
			all = append(all, source{
				uri:        uri,
				suites:     strings.Fields(s["Suites"]),
				components: strings.Fields(s["Components"]),
				signedBy:   s["Signed-By"],
			})
		}
		return nil
	})
	return all, err
}

// parseList reads the older format: "deb [options] uri suite component…". The
// suites of one archive stand on lines of their own there and are joined.
func parseList(text []byte) ([]source, error) {
	var all []source
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		rest, ok := strings.CutPrefix(strings.Join(strings.Fields(line), " "), "deb ")
		if !ok {
			continue
		}
		s := source{}
		if options, after, ok := strings.Cut(rest, "] "); ok && strings.HasPrefix(options, "[") {
			s.signedBy, rest = option(options[1:], "signed-by"), after
		}
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			return nil, fmt.Errorf("line %q has no suite", lines.Text())
		}
		s.uri, s.suites, s.components = fields[0], slices.Clip(fields[1:2]), fields[2:]
		same := func(o source) bool { return o.uri == s.uri && o.signedBy == s.signedBy }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i].suites = append(all[i].suites, s.suites...)
			continue
		}
		all = append(all, s)
	}
	return all, lines.Err()
}

func option(options, name string) string {
	for field := range strings.FieldsSeq(options) {
		if value, ok := strings.CutPrefix(field, name+"="); ok {
			return value
		}
	}
	return ""
}

// resolveMirrorFile follows "mirror+file:/path", which Debian's cloud images
// use: the file lists mirrors, one a line, the best first.
func resolveMirrorFile(uri string) (string, error) {
	rest, ok := strings.CutPrefix(uri, "mirror+file:")
	if !ok {
		return uri, nil
	}
	u, err := url.Parse("file:" + rest)
	if err != nil {
		return "", fmt.Errorf("read mirror list %q: %w", uri, err)
	}
	text, err := os.ReadFile(u.Path)
	if err != nil {
		return "", fmt.Errorf("read mirror list: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			return fields[0], nil
		}
	}
	return "", fmt.Errorf("mirror list %q is empty", u.Path)
}
