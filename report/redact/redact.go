// Package redact takes out of texts what says whose machine they were made on: host and
// user names, the home folder, MAC addresses of hardware, keys.
//
// It knows texts and secrets, and no result. One invariant: a replacement may stand where
// a name does, so that JSON and HCL stay what they are.
package redact

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Secrets are what is known of the machine and its user.
type Secrets struct {
	Hosts []string // Names; also those of machines that the lab reaches over SSH.
	Nodes []string // Names of hosts that have to stay told apart.
	Users []string
	Homes []string // Folders.
	MACs  []string // Of hardware, beside those that only a maker gives.
}

// Local are those of this machine and of who runs this program.
func Local() Secrets {
	var s Secrets
	if name, err := os.Hostname(); err == nil {
		s.Hosts = append(s.Hosts, name)
	}
	if u, err := user.Current(); err == nil {
		s.Users, s.Homes = append(s.Users, u.Username), append(s.Homes, u.HomeDir)
	}
	if home, err := os.UserHomeDir(); err == nil && !slices.Contains(s.Homes, home) {
		s.Homes = append(s.Homes, home)
	}
	if name := os.Getenv("SUDO_USER"); name != "" { // Who is behind root.
		s.Users = append(s.Users, name)
		if u, err := user.Lookup(name); err == nil {
			s.Homes = append(s.Homes, u.HomeDir)
		}
	}
	cards, _ := filepath.Glob("/sys/class/net/*/device/../address") // None is no error.
	for _, card := range cards {
		if text, err := os.ReadFile(card); err == nil {
			s.MACs = append(s.MACs, strings.TrimSpace(string(text)))
		}
	}
	return s
}

// Reached adds where a lab's machine is reached: [USER@]HOST[:PORT].
func (s *Secrets) Reached(target string) {
	name, host, both := strings.Cut(target, "@")
	if !both {
		name, host = "", target
	}
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	if name != "" {
		s.Users = append(s.Users, name)
	}
	s.Hosts = append(s.Hosts, strings.Trim(host, "[]"))
}

// common are names that say nothing of anybody, and that texts are full of.
var common = strings.Fields(`
	root user admin debian ubuntu localhost localdomain runner build testbed
	client server host vm machine lab image network nic mode test variable local locals matrix expect void
	name path kind seed backend libvirt local ssh icount kvm tcg kernel cmdline release bookworm trixie backports forky sid
	veth bridge macvlan ipvlan netkit vxlan geneve wireguard docker podman loopback container left right one two
	result blocks report plan lock consoles samples status reason unit rounds base new old
`)

// Redactor replaces, and counts what it replaced.
type Redactor struct {
	rules   []rule
	removed map[string]map[string]int // By file, by what.
}

type rule struct {
	what    string
	pattern *regexp.Regexp
	with    string
	only    func(found string) bool // Optional.
}

// New makes one for some secrets.
func New(s Secrets) *Redactor {
	r := &Redactor{removed: map[string]map[string]int{}}
	r.add("key", `-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)-----END [A-Z ]*PRIVATE KEY-----|\b(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-[a-z0-9-]+) AAAA[0-9A-Za-z+/=]+`, "redacted-key", nil)
	r.add("MAC address", `(?i)\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b`, "redacted-mac", ofHardware)
	for _, mac := range s.MACs {
		r.add("MAC address", `(?i)\b`+regexp.QuoteMeta(mac)+`\b`, "redacted-mac", nil)
	}
	homes := slices.SortedFunc(slices.Values(s.Homes), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, home := range homes {
		if home = strings.TrimRight(home, "/"); home != "" {
			r.add("home folder", `(^|[^\w.~/-])`+regexp.QuoteMeta(home)+`\b`, "${1}~", nil)
		}
	}
	r.add("home folder", `(^|[^\w.~/-])/home/[A-Za-z0-9._-]+`, "${1}~", nil)
	// An address that the kernel made of a maker's MAC (EUI-64), and a device's name so made.
	r.add("MAC address", `(?i)\bfe80::(?:[0-9a-f]{1,4}:){1,2}[0-9a-f]{0,2}ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}\b`, "fe80::redacted", ofMaker)
	r.add("MAC address", `(?i)\b[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]{0,2}ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}\b`, "redacted-address", ofMaker)
	r.add("MAC address", `\benx[0-9a-f]{12}\b`, "enxredacted", nil)
	for i, node := range s.Nodes { // Before the same names as hosts.
		if !strings.HasPrefix(node, redactedNode) { // In a bundle of what came out of one.
			r.node(node, redactedNode+strconv.Itoa(i+1))
		}
	}
	for _, host := range s.Hosts {
		r.host(host)
		if short, _, qualified := strings.Cut(host, "."); qualified && !isAddress(host) {
			r.host(short)
		}
	}
	for _, name := range s.Users {
		r.word("user name", name, "redacted-user")
		r.add("user name", `\b`+regexp.QuoteMeta(name)+`@`, "redacted-user@", nil)
	}
	return r
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// host replaces a name wherever it is a word, and in the fact that holds it also one
// that is a common word.
func (r *Redactor) host(name string) {
	r.add("host name", `("hostname":\s*)"`+regexp.QuoteMeta(name)+`"`, `${1}"redacted-host"`, nil)
	r.word("host name", name, "redacted-host")
}

// redactedNode stands before a node's number. With its underscores it is one word, of which
// no name of another node is found to be a part.
const redactedNode = "redacted_node_"

// node replaces a name wherever it is a word, and in the field that holds it also one
// that is short, as n1.
func (r *Redactor) node(name, with string) {
	r.add("host name", `("node":\s*)"`+regexp.QuoteMeta(name)+`"`, `${1}"`+with+`"`, nil)
	r.word("host name", name, with)
	if short, _, qualified := strings.Cut(name, "."); qualified && !isAddress(name) {
		r.word("host name", short, with)
	}
}

func (r *Redactor) word(what, text, with string) {
	if len(text) < 3 || slices.Contains(common, strings.ToLower(text)) {
		return
	}
	r.add(what, `\b`+regexp.QuoteMeta(text)+`\b`, with, nil)
}

func (r *Redactor) add(what, pattern, with string, only func(string) bool) {
	r.rules = append(r.rules, rule{what, regexp.MustCompile(pattern), with, only})
}

// ofHardware says that a MAC address was given by a maker: it is of one machine
// (unicast) and not locally administered (IEEE 802, the two lowest bits of its first
// byte). Those of guests, containers and veth pairs are local.
func ofHardware(text string) bool {
	mac, err := net.ParseMAC(text)
	return err == nil && mac[0]&3 == 0 && text != "00:00:00:00:00:00"
}

// ofMaker says that an IPv6 address holds a maker's MAC: EUI-64 turns the bit for
// locally administered ones round (RFC 4291, appendix A), so it is set.
func ofMaker(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.As16()[8]&2 != 0
}

// Apply gives a file's text without the secrets.
func (r *Redactor) Apply(file string, text []byte) []byte {
	for _, rule := range r.rules {
		text = rule.pattern.ReplaceAllFunc(text, func(found []byte) []byte {
			if rule.only != nil && !rule.only(string(found)) {
				return found
			}
			r.count(file, rule.what)
			return rule.pattern.ReplaceAll(found, []byte(rule.with))
		})
	}
	return text
}

func (r *Redactor) count(file, what string) {
	if r.removed[file] == nil {
		r.removed[file] = map[string]int{}
	}
	r.removed[file][what]++
}

// Removed says what was replaced in which file, and how often.
func (r *Redactor) Removed() (all []string) {
	for _, file := range slices.Sorted(maps.Keys(r.removed)) {
		for _, what := range slices.Sorted(maps.Keys(r.removed[file])) {
			times := "once"
			if n := r.removed[file][what]; n > 1 {
				times = fmt.Sprintf("%d times", n)
			}
			all = append(all, fmt.Sprintf("%s: %s, %s", file, what, times))
		}
	}
	return all
}
