# macvlan in a namespace is as fast as none: is it still?
#
# Benjamin Thery measured the macvlan driver in network namespaces when both were
# patches on 2.6.22 ("L2 network namespaces + macvlan performances", containers mailing
# list, 6 July 2007): "results are about the same" with and without, for TCP_RR and
# UDP_RR, on two machines with 1 Gbit/s. "About the same" is taken here for a
# difference of 5% at most, either way.
#
# In seconds: testbed run --backend local examples/papers/macvlan-2007.hcl
# On two VMs: testbed run examples/papers/macvlan-2007.hcl

lab "macvlan-2007" {
  description = "Is macvlan in a network namespace about as fast as no namespace at all?"
  seed        = 2622
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
}

test "rr" {
  for_each = ["tcp_rr", "udp_rr"]

  protocol = each.key
  client   = vm.client
  server   = vm.server
  modes    = [mode.macvlan]
  rounds   = var.rounds
  block    = var.block

  evidence     = false
  capabilities = false
}

locals {
  letter = "B. Thery, containers mailing list, 6 July 2007, Linux 2.6.22"
}

expect "macvlan does TCP_RR as the host does" {
  published = "\"about the same\"; ${local.letter}"
  that      = abs(ratio(test.rr["tcp_rr"], mode.macvlan, mode.host, "rate") - 1) < 0.05
}

expect "macvlan does UDP_RR as the host does" {
  published = "\"about the same\"; ${local.letter}"
  that      = abs(ratio(test.rr["udp_rr"], mode.macvlan, mode.host, "rate") - 1) < 0.05
}
