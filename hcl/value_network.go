package hcl

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/testbed-lab/testbed/testbed"
)

// reserved are the subnets that a lab's network cannot have.
var reserved = []struct {
	prefix netip.Prefix
	why    string
}{
	// The subnet behind a masquerading bridge in a guest (RFC 2544, benchmarks).
	{netip.MustParsePrefix("198.18.0.0/15"), "is used inside of the guests, behind a masquerading bridge"},
	// QEMU's user-mode network, through which SSH comes.
	{netip.MustParsePrefix("10.0.2.0/24"), "is the way in for SSH on every guest"},
	{netip.MustParsePrefix("127.0.0.0/8"), "is loopback"},
	{netip.MustParsePrefix("224.0.0.0/4"), "is multicast"},
	{netip.MustParsePrefix("0.0.0.0/8"), "is no network that hosts can be on"},
	{netip.MustParsePrefix("240.0.0.0/4"), "is reserved"},
}

func asSubnet(a attribute, v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, problemf("%q takes a subnet in quotes, such as \"10.77.0.0/24\", and %s.", a.name, describe(v))
	}
	written := v.AsString()
	prefix, err := netip.ParsePrefix(written)
	switch {
	case err != nil && bare(written):
		return nil, problemf("%q has no prefix length. Write it as \"%s/24\".", written, written)
	case err != nil:
		return nil, problemf("%q is no subnet. Write an address and a prefix length, such as \"10.77.0.0/24\".", written)
	case !prefix.Addr().Is4():
		return nil, problemf("%q is IPv6, and a network has an IPv4 subnet for now, such as \"10.77.0.0/24\".", written)
	case prefix != prefix.Masked():
		return nil, problemf("%q is an address in a subnet. The subnet is %q.", written, prefix.Masked())
	}
	for _, r := range reserved {
		if prefix.Overlaps(r.prefix) {
			return nil, problemf("%s overlaps %s, which %s. Take another, such as \"10.77.0.0/24\".", prefix, r.prefix, r.why)
		}
	}
	return prefix, nil
}

// bare reports an address without a prefix length.
func bare(written string) bool {
	_, err := netip.ParseAddr(written)
	return err == nil
}

func asMirror(a attribute, v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, problemf("%q takes a URL in quotes, and %s.", a.name, describe(v))
	}
	u, err := url.Parse(v.AsString())
	if err != nil || !slices.Contains([]string{"http", "https", "file"}, u.Scheme) || (u.Host == "" && u.Scheme != "file") {
		return nil, problemf("%q is no mirror. Write the URL of the folder that has dists/ and pool/ in it: https://HOST/debian.", v.AsString())
	}
	return v.AsString(), nil
}

func asLibvirtURI(a attribute, v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, problemf("%q takes a libvirt URI in quotes, such as \"qemu:///system\", and %s.", a.name, describe(v))
	}
	if _, err := testbed.ParseConnect(v.AsString()); err != nil {
		return nil, problemf("%q is no libvirt that testbed can use: %v.", v.AsString(), err)
	}
	return v.AsString(), nil
}

// suites are Debian's that have kernels for us now. Others may exist: the
// mirror decides, unless the name is one letter away from one of these.
var suites = []string{
	"bookworm", "bookworm-backports", "trixie", "trixie-backports",
	"forky", "sid", "experimental", "stable", "stable-backports", "testing", "unstable",
}

func asSuite(a attribute, v cty.Value) (any, error) {
	got, err := asText(a, v)
	if err != nil {
		return nil, err
	}
	written := got.(string)
	if slices.Contains(suites, written) {
		return written, nil
	}
	if near := nearest(written, suites); near != "" {
		return nil, problemf("Debian has no suite %q. Did you mean %q?", written, near)
	}
	if strings.Trim(written, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || written == "" {
		return nil, problemf("%q is no name of a suite. Write one such as %s.", written, quoted(suites[:4]))
	}
	return written, nil
}
