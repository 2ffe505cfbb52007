package doctor

import (
	"context"
	"errors"
	"strings"
)

// bridgeFirewall looks for what eats frames between two machines on one bridge.
func (h *host) bridgeFirewall(ctx context.Context) Finding {
	const knob = "net.bridge.bridge-nf-call-iptables"
	if h.read("/proc/sys/net/bridge/bridge-nf-call-iptables") != "1" {
		return ok("frames that cross a bridge do not meet the firewall")
	}
	policy := h.forwardPolicy(ctx)
	switch {
	case policy == "ACCEPT":
		return ok("br_netfilter shows bridged frames to the firewall, which forwards them")
	case policy == "" && h.euid != 0:
		return warn("br_netfilter shows bridged frames to the firewall, whose rules only root may read", "sudo testbed doctor")
	case policy == "":
		return warn("br_netfilter shows bridged frames to the firewall, whose rules cannot be read", h.sudo("sysctl "+knob+"=0"))
	case h.hasDocker():
		// Docker's own bridges work without the knob, except for traffic that
		// its rules are to keep between containers; DOCKER-USER is the place
		// that it leaves to others.
		return warn("br_netfilter shows bridged frames to the firewall, and Docker set its FORWARD policy to "+policy+": machines may not reach each other",
			h.sudo("iptables -I DOCKER-USER -m physdev --physdev-is-bridged -j ACCEPT"))
	}
	return warn("br_netfilter shows bridged frames to the firewall, whose FORWARD policy is "+policy+": machines may not reach each other",
		h.sudo("iptables -I FORWARD -m physdev --physdev-is-bridged -j ACCEPT"))
}

// forwardPolicy is what happens to a packet that no rule of FORWARD matches; ""
// where nobody would say.
func (h *host) forwardPolicy(ctx context.Context) string {
	policy := ""
	for _, tool := range []string{"iptables", "iptables-legacy"} {
		out, err := h.run(ctx, tool, "-w", "5", "-S", "FORWARD")
		if errors.Is(err, errNoCommand) || err != nil {
			continue
		}
		for line := range strings.Lines(out) {
			rest, found := strings.CutPrefix(strings.TrimSpace(line), "-P FORWARD ")
			if found && policy != "DROP" {
				policy = rest
			}
		}
	}
	return policy
}

func (h *host) hasDocker() bool {
	return h.exists("/run/docker.sock") || h.exists("/sys/class/net/docker0")
}

func (h *host) docker(context.Context) Finding {
	if h.hasDocker() {
		return ok("runs here; see the bridge firewall")
	}
	return ok("not here, and not needed")
}

func (h *host) vhostNet(context.Context) Finding {
	switch {
	case h.connect != systemURI:
		return ok("not used by a session, whose networks are QEMU's own")
	case h.exists("/dev/vhost-net"):
		return ok("/dev/vhost-net is there")
	}
	return warn("no /dev/vhost-net: packets pass through QEMU itself, which adds latency to every mode alike",
		h.sudo("modprobe vhost_net"))
}
