# How does latency grow with load, and does a container's interface make it worse?
#
# A closed loop waits for each answer, so it never shows what happens when requests
# keep coming. Here they come by a clock, an open loop: at random (Poisson) and so many
# a second, each timed from when it was meant to leave. Tests that differ in nothing but
# their rate are drawn together, latency against load, with a mark where the client
# could not keep to its schedule.
#
# In a minute, without a VM:     testbed run --backend local examples/load.hcl
# On two VMs:                    testbed run examples/load.hcl
# Other rates:                   … --var 'rates=[100, 200, 400]'

lab "load" {
  description = "How does latency grow with load, with and without a container's bridge and NAT?"
  seed        = 11
}

variable "rates" {
  type        = list(number)
  default     = [2500, 5000, 7500, 10000]
  description = "Transactions a second, over all connections."
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

locals {
  rounds = 8
  enough = 11500 # Transactions of a mode at each rate: a p99 needs 10,000.
}

test "tcp_rr" {
  for_each = { for rate in var.rates : tostring(rate) => rate }

  protocol    = "tcp_rr"
  client      = vm.client
  server      = vm.server
  modes       = [mode.docker0, mode.routed]
  connections = 4
  rate        = each.value
  rounds      = local.rounds
  block       = "${ceil(1000 * local.enough / local.rounds / each.value)}ms"

  evidence     = false
  capabilities = false
}
