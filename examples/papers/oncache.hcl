# Is there as much to save in an overlay as a cache is said to save?
#
# ONCache (Lin and others, NSDI 2025) keeps what an overlay computes again for each
# packet, and reports 36% more TCP and 34% more UDP transactions than the overlay
# without it, "akin to bare metal". Testbed has no such cache. What it can say is
# whether a machine's overlay costs so much that a cache could save it: whether the
# host, without any overlay, does at least that many transactions more.
#
# In seconds: testbed run --backend local examples/papers/oncache.hcl
# On two VMs: testbed run examples/papers/oncache.hcl

lab "oncache" {
  description = "Does an overlay cost as much as ONCache saves?"
  seed        = 524
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

mode "vxlan" {
  kind = "vxlan"
  at   = "both"
}

test "rr" {
  for_each = ["tcp_rr", "udp_rr"]

  protocol = each.key
  client   = vm.client
  server   = vm.server
  modes    = [mode.vxlan]
  rounds   = var.rounds
  block    = var.block

  evidence     = false
  capabilities = false
}

locals {
  paper = "Lin et al., ONCache, NSDI 2025: over the overlay without it"
}

expect "the host does 36% more TCP transactions than the overlay" {
  published = "TCP_RR +36%; ${local.paper}"
  that      = ratio(test.rr["tcp_rr"], mode.host, mode.vxlan, "rate") > 1.36
}

expect "the host does 34% more UDP transactions than the overlay" {
  published = "UDP_RR +34%; ${local.paper}"
  that      = ratio(test.rr["udp_rr"], mode.host, mode.vxlan, "rate") > 1.34
}
