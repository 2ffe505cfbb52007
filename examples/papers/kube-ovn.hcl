# An overlay against a routed path against no container at all.
#
# Kube-OVN's documentation ("Performance Tuning") measured TCP latency with qperf
# between pods of two nodes, on two rigs: Geneve 25.7 µs (13.9 µs when tuned) with the
# host at 13.1 µs; and Calico 19.3 µs without encapsulation, 21.4 µs with IPIP, the
# host at 16.6 µs.
#
# The kernel's own Geneve stands here for Open vSwitch's, and VXLAN for IPIP, which
# testbed does not build. The tuning (a module of one's own, CPU states) is no mode and is
# left out. Containers are at both ends. A ratio is taken for reproduced where the
# cost here is between half and twice as large.
#
# In seconds: testbed run --backend local examples/papers/kube-ovn.hcl
# On two VMs: testbed run examples/papers/kube-ovn.hcl

lab "kube-ovn" {
  description = "What does an overlay cost, and what a routed pod network?"
  seed        = 180
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

mode "overlay" {
  for_each = ["geneve", "vxlan"]

  kind = each.key
  at   = "both"
}

mode "routed" {
  kind   = "veth"
  uplink = "routed"
  at     = "both"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = concat(values(mode.overlay), [mode.routed])
  rounds   = var.rounds
  block    = var.block

  evidence     = false
  capabilities = false
}

locals {
  first  = "Kube-OVN docs, first rig, qperf"
  second = "Kube-OVN docs, second rig, qperf"
  geneve = 25.7 / 13.1 - 1
  routed = 19.3 / 16.6 - 1
}

expect "a Geneve overlay is slower than the host" {
  published = "25.7 against 13.1 µs; ${local.first}"
  that      = ratio(test.tcp_rr, mode.overlay["geneve"], mode.host, "mean") > 1
}

expect "and takes about twice as long" {
  published = "+96%; ${local.first}"

  that = (
    ratio(test.tcp_rr, mode.overlay["geneve"], mode.host, "mean") > 1 + local.geneve / 2 &&
    ratio(test.tcp_rr, mode.overlay["geneve"], mode.host, "mean") < 1 + local.geneve * 2
  )
}

expect "a routed pod is slower than the host" {
  published = "19.3 against 16.6 µs; ${local.second}"
  that      = ratio(test.tcp_rr, mode.routed, mode.host, "mean") > 1
}

expect "by about a sixth" {
  published = "+16%; ${local.second}"

  that = (
    ratio(test.tcp_rr, mode.routed, mode.host, "mean") > 1 + local.routed / 2 &&
    ratio(test.tcp_rr, mode.routed, mode.host, "mean") < 1 + local.routed * 2
  )
}

expect "encapsulation costs over a route" {
  published = "IPIP 21.4 against 19.3 µs without; ${local.second}"
  that      = ratio(test.tcp_rr, mode.overlay["vxlan"], mode.routed, "mean") > 1
}
