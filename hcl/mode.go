package hcl

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

var modeKinds = []string{"host", "loopback", "veth", "macvlan", "ipvlan", "netkit", "vxlan", "geneve", "wireguard"}

// tunings are set on devices that exist or are made, whatever their kind.
var tunings = []string{"mtu", "gro", "tso", "rx_checksum", "threaded_napi", "qdisc"}

// qdiscName is what the kernel's names of queueing disciplines look like.
var qdiscName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,14}$`)

// ipv6MTU is what IPv6 asks of a link (RFC 8200, section 5).
const ipv6MTU = 1280

// submodes are the values of mode by kind; the first is the default.
var submodes = map[string][]string{
	"macvlan": {"bridge", "private", "vepa", "passthru"},
	"ipvlan":  {"l2", "l3", "l3s"},
	"netkit":  {"l3", "l2"},
}

func mode(f fields, name string) testbed.Mode {
	m := testbed.Mode{
		Name:         name,
		Kind:         kindOf(&f),
		At:           testbed.End(get[string](f, "at")),
		Uplink:       get[string](f, "uplink"),
		Masquerade:   get[bool](f, "masquerade"),
		Flag:         get[string](f, "flag"),
		Rules:        get[int](f, "rules"),
		Redirect:     get[string](f, "redirect"),
		Scrub:        get[string](f, "scrub"),
		Shim:         get[bool](f, "shim"),
		Container:    get[string](f, "container"),
		Service:      get[bool](f, "service"),
		Proxy:        get[string](f, "proxy"),
		Delay:        get[time.Duration](f, "delay"),
		MTU:          get[int](f, "mtu"),
		GRO:          optional[bool](f, "gro"),
		TSO:          optional[bool](f, "tso"),
		RxChecksum:   optional[bool](f, "rx_checksum"),
		ThreadedNAPI: optional[bool](f, "threaded_napi"),
		Qdisc:        get[string](f, "qdisc"),
	}
	if m.Kind == "" {
		return m
	}
	if m.Kind == "ipvlan" && m.Flag == "" {
		m.Flag = "bridge"
	}
	checkBelongs(&f, m.Kind)
	m.Mode = submode(&f, m.Kind)
	if m.Delay > time.Second {
		f.reject("delay", "Bad delay", "\"delay\" is %s, and 1s is the most: after that a request counts as lost.", m.Delay)
	}
	checkCombination(&f, m)
	return m
}

// kindOf is empty where the kind is not known, which has been reported.
func kindOf(f *fields) string {
	switch {
	case !f.ok("kind", "container"):
		return ""
	case f.set("kind") && f.set("container"):
		f.reject("container", "Impossible mode", "A container that runs has its interface already, so container stands in place of kind.")
		return ""
	case f.set("container"):
		return containerKind(f)
	case !f.set("kind"):
		f.reject("kind", "Missing argument kind", "A mode block needs \"kind\": %s.", quoted(modeKinds))
		return ""
	}
	return get[string](*f, "kind")
}

func containerKind(f *fields) string {
	scheme, rest, _ := strings.Cut(get[string](*f, "container"), "://")
	if !slices.Contains([]string{"docker", "podman", "pid"}, scheme) || rest == "" {
		f.reject("container", "Bad container", "A container is \"docker://NAME\", \"podman://NAME\" or \"pid://N\".")
		return ""
	}
	if number, err := strconv.Atoi(rest); scheme == "pid" && (err != nil || number < 1) {
		f.reject("container", "Bad container", "%q is no PID: that is a number from 1, as in \"pid://4711\".", rest)
		return ""
	}
	for _, name := range tunings {
		if f.set(name) {
			f.reject(name, "Impossible mode", "A container that runs is measured as it is, so %q cannot be set.", name)
		}
	}
	return "container"
}

// checkBelongs reports arguments that the kind does not have.
func checkBelongs(f *fields, kind string) {
	for _, a := range modeBlock.attributes {
		if a.only != nil && f.set(a.name) && !slices.Contains(a.only, kind) && !neutral(*f, a) {
			f.reject(a.name, "Impossible mode", "%q belongs to %s, and this mode is %s.", a.name, enumerate(a.only, "and"), kind)
		}
	}
	if f.set("at") && (kind == "host" || kind == "loopback") {
		f.reject("at", "Impossible mode", "Kind %s has no container, so it is neither at the client nor at the server. Leave \"at\" out.", kind)
	}
}

// neutral says that an argument was written with its default, which asks for
// nothing: for_each may carry one column for all kinds.
func neutral(f fields, a attribute) bool { return f.values[a.name] == a.standard() }

// submode checks mode, whose values depend on the kind.
func submode(f *fields, kind string) string {
	allowed := submodes[kind]
	if allowed == nil || !f.ok("mode") {
		return ""
	}
	if !f.set("mode") {
		return allowed[0]
	}
	written := get[string](*f, "mode")
	if slices.Contains(allowed, written) {
		return written
	}
	f.reject("mode", "Impossible mode", "%s has no mode %q.%s It can be %s.%s", "Kind "+kind, written, suggest(written, allowed), quoted(allowed), elsewhere(kind, written))
	return ""
}

// elsewhere tells where a value belongs that people look for in mode.
func elsewhere(kind, written string) string {
	if kind == "ipvlan" && slices.Contains([]string{"bridge", "private", "vepa"}, written) {
		return " Whether containers reach each other is flag = \"" + written + "\"."
	}
	return ""
}

// checkCombination reports what no kernel can do.
func checkCombination(f *fields, m testbed.Mode) {
	checkVeth(f, m)
	checkService(f, m)
	checkTuning(f, m)
	switch {
	case !m.Shim || !f.ok("shim", "mode", "flag"):
	case m.Kind == "macvlan" && m.Mode != "bridge":
		f.reject("shim", "Impossible mode", "A shim reaches the container as its sibling, and siblings of macvlan mode %q do not reach each other. Write mode = \"bridge\".", m.Mode)
	case m.Kind == "ipvlan" && m.Flag != "bridge":
		f.reject("shim", "Impossible mode", "A shim reaches the container as its sibling, and siblings with flag %q do not reach each other. Write flag = \"bridge\".", m.Flag)
	}
}

func checkService(f *fields, m testbed.Mode) {
	switch {
	case f.set("proxy") && !m.Service && f.ok("service"):
		f.reject("proxy", "No service", "\"proxy\" says what translates a service's address, and the mode has none. Add service = true.")
	case m.Service && m.Kind == "loopback":
		f.reject("service", "Impossible mode", "In loopback the server is at the client's own address, and no service stands before it.")
	}
}

// checkTuning reports what would change a device that is not the lab's.
func checkTuning(f *fields, m testbed.Mode) {
	for _, name := range tunings {
		if m.Kind == "loopback" && f.set(name) {
			f.reject(name, "Impossible mode", "Loopback uses lo, which the whole machine shares, so %q is not set there.", name)
		}
	}
	if m.Kind == "host" && f.ok("mtu") && m.MTU != 0 && m.MTU < ipv6MTU {
		f.reject("mtu", "Impossible mode", "With an MTU of less than %d the NIC itself would lose its IPv6 addresses, and not have them back after the mode.", ipv6MTU)
	}
	switch {
	case !f.ok("qdisc") || m.Qdisc == "":
	case slices.Contains([]string{"ingress", "clsact"}, m.Qdisc):
		f.reject("qdisc", "Impossible mode", "%q is for what arrives. A mode's \"qdisc\" is the one that sends, such as \"fq\".", m.Qdisc)
	case !qdiscName.MatchString(m.Qdisc):
		f.reject("qdisc", "Bad qdisc", "%q is no name of a queueing discipline. They are named as tc names them, such as \"fq\".", m.Qdisc)
	case m.Delay > 0:
		f.reject("qdisc", "Impossible mode", "A delay is a queueing discipline, netem, so there is no room for %q.", m.Qdisc)
	}
}

// checkVeth reports ways from a pair's outer end to the NIC that lead nowhere.
func checkVeth(f *fields, m testbed.Mode) {
	if m.Kind != "veth" || !f.ok("uplink", "masquerade") {
		return
	}
	switch {
	case m.Uplink == "":
		f.reject("uplink", "Missing argument uplink", "A veth pair needs \"uplink\", the way from its outer end to the NIC: \"bridge\", \"l2\" or \"routed\".")
	case m.Masquerade && m.Uplink != "bridge":
		f.reject("masquerade", "Impossible mode", "Masquerade gives containers behind a bridge of their own the host's address. With uplink %q the container has an address on the segment. Write uplink = \"bridge\", or leave masquerade out.", m.Uplink)
	case m.Uplink == "bridge" && !m.Masquerade:
		f.reject("uplink", "Impossible mode", "Containers behind a bridge of their own have addresses that nobody else knows, so answers need masquerade = true, as docker0 has. To put the NIC in the bridge, write uplink = \"l2\".")
	case m.Rules > 0 && m.Uplink != "bridge":
		f.reject("rules", "Impossible mode", "\"rules\" lengthen what a masquerading bridge passes through, and the uplink is %q.", m.Uplink)
	case m.Redirect != "" && m.Uplink != "routed":
		f.reject("redirect", "Impossible mode", "Redirect passes packets by the host's routing, and with uplink %q nothing is routed so. Write uplink = \"routed\".", m.Uplink)
	}
}
