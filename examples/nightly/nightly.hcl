# Tonight's kernel against one that is known: what each interface mode costs, and
# whether it costs more than it did.
#
# The verdict:          testbed run --against base --max-regression 2% nightly.hcl
# To the last digit:    testbed run --backend icount --against base nightly.hcl
# Your own tree:        … --var tree=$HOME/src/linux
# What it has to have:  testbed kernel config --fragment nightly.hcl

lab "kernel-nightly" {
  description = "Do container interfaces cost more in tonight's kernel?"
  seed        = 17
}

variable "tree" {
  type        = string
  default     = ""
  description = "A kernel tree that was built. Without one, the newest kernel of trixie-backports is judged."
}

image "base" {
  release = "trixie"
}

image "tonight" {
  release = var.tree == "" ? "trixie-backports" : null
  tree    = var.tree == "" ? null : var.tree
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.tonight

  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.tonight

  nic {
    network = network.lan
  }
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

mode "macvlan" {
  kind = "macvlan"
  mode = "bridge"
}

mode "ipvlan" {
  kind = "ipvlan"
  mode = "l2"
}

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.docker0, mode.macvlan, mode.ipvlan]
  rounds       = 10
  block        = "250ms"
  evidence     = false
  capabilities = false
}

test "udp_rr" {
  protocol     = "udp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.docker0, mode.macvlan, mode.ipvlan]
  rounds       = 10
  block        = "250ms"
  evidence     = false
  capabilities = false
}
