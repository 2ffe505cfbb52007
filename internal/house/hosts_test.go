package house

import (
	"bytes"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root of the checkout.
const root = "../.."

// files of the checkout, without what is made in it.
func files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch name {
		case ".git", "bin", "results", "internal/payload/bin":
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() {
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Which mirror and which proxy serve packages is for each machine to say. So no
// file names one; which names those are, this machine's configuration tells.
func TestNoFileNamesARegistry(t *testing.T) {
	hosts := registries(t)
	if len(hosts) == 0 {
		t.Skip("neither apt nor go has a registry configured on this machine")
	}
	t.Logf("looking for %d hosts", len(hosts))
	for _, path := range files(t) {
		if filepath.Base(path) == "go.sum" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range named(data, hosts) {
			t.Errorf("%s names the registry %s", path, host)
		}
	}
}

func TestNamedFindsHosts(t *testing.T) {
	hosts := []string{"proxy.invalid", "mirror.invalid"}
	got := named([]byte("see http://mirror.invalid/debian\n"), hosts)
	if len(got) != 1 || got[0] != "mirror.invalid" {
		t.Errorf("named: %q, want mirror.invalid", got)
	}
	if got := named([]byte("another-mirror.invalidated"), hosts); len(got) != 0 {
		t.Errorf("named: %q in a longer word", got)
	}
}

// named returns the hosts that stand in data as whole words.
func named(data []byte, hosts []string) []string {
	var found []string
	for _, host := range hosts {
		word := regexp.MustCompile(`(^|[^\w.-])` + regexp.QuoteMeta(host) + `($|[^\w-])`)
		if bytes.Contains(data, []byte(host)) && word.Match(data) {
			found = append(found, host)
		}
	}
	return found
}

// registries are the hosts that apt, go and npm get packages from here.
func registries(t *testing.T) []string {
	t.Helper()
	var addresses []string
	for _, command := range [][]string{
		{"go", "env", "GOPROXY", "GOSUMDB"},
		{"apt-get", "update", "--print-uris"},
		{"npm", "config", "get", "registry"},
	} {
		// One that is not installed has nothing configured.
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err == nil {
			addresses = append(addresses, strings.FieldsFunc(string(out), func(r rune) bool {
				return strings.ContainsRune(" \t\n,|'", r)
			})...)
		}
	}
	seen := map[string]bool{}
	var hosts []string
	for _, address := range addresses {
		host := hostOf(address)
		if host != "" && !seen[host] {
			seen[host] = true
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// hostOf is the name in a URL, or in a bare host such as GOSUMDB's; "" for
// anything else, and for this machine's own names, which say nothing.
func hostOf(address string) string {
	host := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	if strings.ContainsAny(host, "/:=_") || !strings.Contains(host, ".") || net.ParseIP(host).IsLoopback() {
		return ""
	}
	return host
}
