# A kernel that was built from source, in the folder TREE.
lab "built" {
  backend = "icount"
  seed    = 17
}

variable "tree" {
  type = string
}

variable "transactions" {
  type    = number
  default = 500
}

variable "kmemleak" {
  type    = bool
  default = false
}

image "built" {
  tree = var.tree
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.built

  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.built

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
}

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.docker0, mode.macvlan]
  transactions = var.transactions
  evidence     = false
  capabilities = false
  kmemleak     = var.kmemleak
}
