# A BPF redirect into the pod's interface, past the backlog: how much does it save?
#
# The kernel's commit 9aa1206e8f48 ("bpf: Add redirect_peer helper", October 2020)
# measured TCP_RR from a pod to a pod on another node: 122.5 µs a round trip with
# redirect(), which takes a packet through the CPU's backlog, and 44.4 µs with
# redirect_peer(), which does not; at p50 118.5 and 43.3 µs.
#
# Testbed has no mode with a plain redirect(). A routed veth stands for it: it puts
# the packet into the backlog as often, and passes the host's IP layer besides, so it
# should be no faster. A published ratio is taken for reproduced where what is saved
# is between half and twice as much, and at most nine tenths.
#
# In seconds: testbed run --backend local examples/papers/redirect-peer.hcl
# On two VMs: testbed run examples/papers/redirect-peer.hcl

lab "redirect-peer" {
  description = "What does redirecting a packet into the pod, past the CPU's backlog, save?"
  seed        = 2020
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

mode "routed" {
  kind   = "veth"
  uplink = "routed"
  at     = "both"
}

mode "redirect_peer" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
  at       = "both"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.routed, mode.redirect_peer]
  rounds   = var.rounds
  block    = var.block

  evidence     = false
  capabilities = false
}

locals {
  commit = "kernel commit 9aa1206e8f48, October 2020, pod to remote pod"
}

expect "redirect_peer is faster" {
  published = "p50 118.5 → 43.3 µs; ${local.commit}"
  that      = ratio(test.tcp_rr, mode.redirect_peer, mode.routed, "p50") < 1
}

expect "in the mean too" {
  published = "mean 122.5 → 44.4 µs; ${local.commit}"
  that      = ratio(test.tcp_rr, mode.redirect_peer, mode.routed, "mean") < 1
}

expect "it saves about as much of the round trip" {
  published = "43.3 of 118.5 µs are left, −63%; ${local.commit}"

  that = (
    ratio(test.tcp_rr, mode.redirect_peer, mode.routed, "p50") < 1 - (1 - 43.3 / 118.5) / 2 &&
    ratio(test.tcp_rr, mode.redirect_peer, mode.routed, "p50") > 0.1
  )
}
