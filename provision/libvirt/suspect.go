package libvirt

import (
	"context"
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/provision/libvirt/site"
)

// firewall is what a host does to frames that cross a bridge of its own.
type firewall struct {
	netfilter bool     // br_netfilter hands bridged IPv4 to iptables and nft.
	drops     []string // Rule sets whose forward chain drops by default.
	rules     []string // Rules of the forward chain that drop or reject.
	docker    bool     // Docker wrote some of it.
	firewalld bool
}

// suspect looks for what eats frames on the host. A session's networks cross
// no bridge.
func (b *Backend) suspect(ctx context.Context, bridge string) string {
	if !b.dialer.endpoint.system() {
		return ""
	}
	return lookAtFirewall(ctx, b.site()).accuse(bridge)
}

// accuse names the culprit and the command that lets the bridge through.
func (f firewall) accuse(bridge string) string {
	if !f.netfilter {
		return ""
	}
	const handed = "br_netfilter hands bridged frames to the firewall (net.bridge.bridge-nf-call-iptables = 1), and "
	var text string
	rule := f.ruleAgainst(bridge)
	switch {
	case rule != "":
		text = handed + fmt.Sprintf("iptables has the rule %q", rule)
	case len(f.drops) > 0:
		text = handed + fmt.Sprintf("the FORWARD chain of %s drops by default", strings.Join(f.drops, " and "))
	default:
		return ""
	}
	switch {
	case f.firewalld:
		return text + fmt.Sprintf(" (firewalld runs): sudo firewall-cmd --zone=trusted --add-interface=%s", bridge)
	case f.docker:
		return text + fmt.Sprintf(" (Docker sets that): sudo iptables -I DOCKER-USER -i %s -o %[1]s -j ACCEPT", bridge)
	}
	return text + fmt.Sprintf(": sudo iptables -I FORWARD -i %s -o %[1]s -j ACCEPT", bridge)
}

// ruleAgainst is a rule that names the bridge, or one that names no device.
func (f firewall) ruleAgainst(bridge string) string {
	for _, rule := range f.rules {
		words := strings.Fields(rule)
		named, any := false, true
		for i, word := range words {
			if word == "-i" || word == "-o" {
				any = false
				named = named || i+1 < len(words) && words[i+1] == bridge
			}
			if word == "-m" || word == "-s" || word == "-d" || word == "-p" {
				any = false // It is about some packets only.
			}
		}
		if named || any {
			return rule
		}
	}
	return ""
}

// dropping picks the rules that drop or reject.
func dropping(rules string) []string {
	var found []string
	for _, rule := range strings.Split(rules, "\n") {
		if strings.Contains(rule, "-j DROP") || strings.Contains(rule, "-j REJECT") {
			found = append(found, rule)
		}
	}
	return found
}

func lookAtFirewall(ctx context.Context, s site.Site) firewall {
	f := firewall{
		netfilter: sysctlOn(ctx, s, "/proc/sys/net/bridge/bridge-nf-call-iptables"),
		firewalld: s.Exists(ctx, "/run/firewalld") || s.Exists(ctx, "/run/dbus/firewalld"),
	}
	for _, tool := range []string{"iptables", "iptables-legacy"} {
		rules := s.Ask(ctx, tool, "-w", "5", "-S", "FORWARD")
		if strings.HasPrefix(rules, "-P FORWARD DROP") {
			f.drops = append(f.drops, tool)
		}
		f.rules = append(f.rules, dropping(rules)...)
		f.docker = f.docker || strings.Contains(rules, "DOCKER")
	}
	if nftForwardDrops(s.Ask(ctx, "nft", "list", "chains")) {
		f.drops = append(f.drops, "nft")
	}
	return f
}

// nftForwardDrops reads the output of "nft list chains". The chain of
// iptables-nft is there too, and has been counted.
func nftForwardDrops(chains string) bool {
	table := ""
	for _, line := range strings.Split(chains, "\n") {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "table "); ok {
			table = strings.TrimSuffix(rest, " {")
		}
		if strings.Contains(line, "hook forward") && strings.Contains(line, "policy drop") && table != "ip filter" {
			return true
		}
	}
	return false
}

func sysctlOn(ctx context.Context, s site.Site, path string) bool {
	value, err := s.ReadFile(ctx, path)
	return err == nil && strings.TrimSpace(string(value)) == "1"
}
