# Is it the softirq alone, or also the bridge and the forwarding?
#
# From docker0 each step takes one thing away: the bridge and NAT (routed), the
# forwarding and one pass through the backlog (redirect), and the other pass
# (macvlan, which has no second device to queue a packet to).
#
# Run it:   testbed run examples/softirq-or-bridge.hcl
# Then:     testbed explain docker0 routed

lab "softirq-or-bridge" {
  description = "What of docker0 costs what: bridge and NAT, forwarding, softirqs."
  seed        = 17
}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.debian

  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.debian

  nic {
    network = network.lan
  }
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

mode "routed" {
  kind   = "veth"
  uplink = "routed"
}

mode "redirect" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
}

mode "macvlan" {
  kind = "macvlan"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.docker0, mode.routed, mode.redirect, mode.macvlan]
  rounds   = 6
  block    = "100ms"

  capabilities = false
}

# Packets in a CPU's backlog are claimed, and not softirqs that ran: one that runs
# takes up all that waits, so how many do depends on what else the machine does.

expect "a veth pair costs two passes through the backlog" {
  that = abs(backlog(test.tcp_rr, mode.routed) - backlog(test.tcp_rr, mode.host) - 2) < 0.2
}

expect "a redirect leaves one of them" {
  that = abs(backlog(test.tcp_rr, mode.redirect) - backlog(test.tcp_rr, mode.host) - 1) < 0.2
}

expect "macvlan leaves none" {
  that = abs(backlog(test.tcp_rr, mode.macvlan) - backlog(test.tcp_rr, mode.host)) < 0.2
}

expect "bridge and NAT are no pass, but calls by the dozen" {
  that = (
    abs(backlog(test.tcp_rr, mode.docker0) - backlog(test.tcp_rr, mode.routed)) < 0.2
    && calls(test.tcp_rr, mode.docker0) > calls(test.tcp_rr, mode.routed) + 50
  )
}
