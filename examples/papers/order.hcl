# From the host to an overlay: the order of the modes, step by step.
#
# No paper measured all of these on one machine. Put side by side, what was published
# (the other files of this folder have it, each with its figures) and what docs/modes.md
# says of the paths make one order; where a bridge with NAT comes after a route and ipvlan
# beside macvlan, it is ours:
#
#   host ≤ ipvlan ≈ macvlan ≈ netkit with BPF < veth with redirect_peer
#        < veth, routed < veth, bridge and NAT < VXLAN
#
# Here each step is a claim of its own, so that the first that does not hold is named.
# ≈ is 5% either way. Containers are at the client, the overlay at both ends.
#
# In a minute:      testbed run --backend local examples/papers/order.hcl
# On two VMs:       testbed run examples/papers/order.hcl

lab "order" {
  description = "Do the modes come in the order in which the literature puts them?"
  seed        = 8
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

variable "rounds" {
  type        = number
  default     = 20
  description = "More rounds decide closer calls."
}

variable "block" {
  default     = "250ms"
  description = "How long each mode is measured in a round."
}

mode "ipvlan_l2" {
  kind = "ipvlan"
  mode = "l2"
}

mode "macvlan" {
  kind = "macvlan"
}

mode "netkit_bpf" {
  kind     = "netkit"
  redirect = "peer"
}

mode "redirect_peer" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
}

mode "routed" {
  kind   = "veth"
  uplink = "routed"
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

mode "vxlan" {
  kind = "vxlan"
  at   = "both"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.ipvlan_l2, mode.macvlan, mode.netkit_bpf, mode.redirect_peer, mode.routed, mode.docker0, mode.vxlan]
  rounds   = var.rounds
  block    = var.block

  evidence     = false
  capabilities = false
}

expect "ipvlan is not faster than the host" {
  published = "\"close to the host\"; the lecture of docker-bridge.hcl"
  that      = ratio(test.tcp_rr, mode.ipvlan_l2, mode.host, "p50") > 0.95
}

expect "macvlan is as fast as ipvlan" {
  published = "both about as the host; docker-bridge.hcl and macvlan-2007.hcl"
  that      = abs(ratio(test.tcp_rr, mode.macvlan, mode.ipvlan_l2, "p50") - 1) < 0.05
}

expect "netkit with BPF is as fast as macvlan" {
  published = "no pass through the backlog in either, by the source of both drivers (docs/modes.md)"
  that      = abs(ratio(test.tcp_rr, mode.netkit_bpf, mode.macvlan, "p50") - 1) < 0.05
}

expect "a veth with redirect_peer is slower than netkit with BPF" {
  published = "24.3 (macvlan) against 29.1 µs; spiderpool.hcl"
  that      = ratio(test.tcp_rr, mode.redirect_peer, mode.netkit_bpf, "p50") > 1
}

expect "a routed veth is slower than one with redirect_peer" {
  published = "p50 118.5 → 43.3 µs; redirect-peer.hcl"
  that      = ratio(test.tcp_rr, mode.routed, mode.redirect_peer, "p50") > 1
}

expect "bridge and NAT are slower than a route" {
  published = "no figure beside each other: a route's +16% in time is another machine's than docker0's −12.4% in rate; docker-bridge.hcl and kube-ovn.hcl"
  that      = ratio(test.tcp_rr, mode.docker0, mode.routed, "p50") > 1
}

expect "an overlay is slower than bridge and NAT" {
  published = "+96% against the host, and −12.4%; kube-ovn.hcl and docker-bridge.hcl"
  that      = ratio(test.tcp_rr, mode.vxlan, mode.docker0, "p50") > 1
}
