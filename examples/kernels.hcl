# The question of container-latency.hcl over three kernels: did the cost of a
# container's network interface change between Linux 6.1 and 7?
#
# A matrix makes a cell of each value: the machines boot each kernel in turn,
# and everything is measured in each. The tools in the guest are the same in all
# cells, whatever the kernel.
#
# Run it:   testbed run examples/kernels.hcl
# Smaller:  testbed run --var rounds=3 examples/kernels.hcl

lab "kernels" {
  description = "What a container's network interface adds, by kernel."
  seed        = 17
}

variable "rounds" {
  type        = number
  default     = 10
  description = "More rounds, narrower intervals."
}

# Linux 6.1
image "bookworm" {
  release = "bookworm"
}

# Linux 6.12
image "trixie" {
  release = "trixie"
}

# Linux 7, whichever is newest
image "backports" {
  release = "trixie-backports"
}

matrix {
  kernel = [image.bookworm, image.trixie, image.backports]
}

network "lan" {
  subnet = "10.78.0.0/24"
}

vm "client" {
  image  = matrix.kernel
  cpus   = 1
  memory = "384MiB"

  nic {
    network = network.lan
  }
}

vm "server" {
  image  = matrix.kernel
  cpus   = 1
  memory = "384MiB"

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

mode "macvlan" {
  kind = "macvlan"
  mode = "bridge"
}

# Three modes from one block: ipvlan-l2, ipvlan-l3 and ipvlan-l3s in the report,
# mode.ipvlan["l2"] and so on in this file.
mode "ipvlan" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
}

# One test for each protocol: rr-tcp and rr-udp in the report.
test "rr" {
  for_each = { tcp = "tcp_rr", udp = "udp_rr" }

  protocol = each.value
  client   = vm.client
  server   = vm.server
  modes    = concat([mode.docker0, mode.routed, mode.macvlan], values(mode.ipvlan))
  rounds   = var.rounds
}

# Judged in each cell by itself.
expect "a veth pair, a bridge and NAT cost something" {
  that = ratio(test.rr["tcp"], mode.docker0, mode.host, "p50") > 1.02
}
