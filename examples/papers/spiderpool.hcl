# macvlan, an eBPF path and a routed veth, as three Kubernetes networks use them.
#
# Spiderpool's documentation ("Network I/O performance", v0.8: Kubernetes 1.28, kernel
# 6.2, two nodes with 10 Gbit/s) compares pods on two nodes with sockperf, which prints
# half of a round trip: macvlan 24.3 µs, Cilium with eBPF 29.1 µs, Calico with
# iptables and no tunnel 51.3 µs.
#
# What stands here for each is what a packet passes, without the rest of the product:
# macvlan; a veth with BPF redirects past the host's stack (Cilium); a routed veth
# (Calico, whose iptables rules are left out, so its share of them is missing). Pods
# are at both ends. A ratio is taken for reproduced where what the slower one costs
# more is between half and twice as much.
#
# In seconds: testbed run --backend local examples/papers/spiderpool.hcl
# On two VMs: testbed run examples/papers/spiderpool.hcl

lab "spiderpool" {
  description = "Is macvlan faster than an eBPF path, and that faster than a routed veth?"
  seed        = 28
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

mode "macvlan" {
  kind = "macvlan"
  at   = "both"
}

mode "ebpf" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
  at       = "both"
}

mode "routed" {
  kind   = "veth"
  uplink = "routed"
  at     = "both"
}

test "udp_rr" {
  protocol = "udp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.macvlan, mode.ebpf, mode.routed]
  rounds   = var.rounds
  block    = var.block

  evidence     = false
  capabilities = false
}

locals {
  docs   = "Spiderpool docs, Kubernetes 1.28, kernel 6.2, sockperf's half round trip"
  ebpf   = 29.1 / 24.3 - 1
  routed = 51.3 / 24.3 - 1
}

expect "macvlan is faster than eBPF" {
  published = "24.3 against 29.1 µs; ${local.docs}"
  that      = ratio(test.udp_rr, mode.ebpf, mode.macvlan, "mean") > 1
}

expect "eBPF is faster than a routed veth" {
  published = "29.1 against 51.3 µs; ${local.docs}"
  that      = ratio(test.udp_rr, mode.routed, mode.ebpf, "mean") > 1
}

expect "eBPF costs about a fifth over macvlan" {
  published = "+20%; ${local.docs}"

  that = (
    ratio(test.udp_rr, mode.ebpf, mode.macvlan, "mean") > 1 + local.ebpf / 2 &&
    ratio(test.udp_rr, mode.ebpf, mode.macvlan, "mean") < 1 + local.ebpf * 2
  )
}

expect "a routed veth costs about twice macvlan" {
  published = "+111%; ${local.docs}"

  that = (
    ratio(test.udp_rr, mode.routed, mode.macvlan, "mean") > 1 + local.routed / 2 &&
    ratio(test.udp_rr, mode.routed, mode.macvlan, "mean") < 1 + local.routed * 2
  )
}
