# A nightly job on this machine's own kernel, and a way to make docker0 slower.

variable "seed" {
  type    = number
  default = 17
}

variable "rules" {
  type        = number
  default     = 0
  description = "Firewall rules that docker0's packets pass."
}

lab "nightly" {
  description = "Is tonight as last night?"
  backend     = "local"
  seed        = var.seed
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
  rules      = var.rules
}

mode "macvlan" {
  kind = "macvlan"
  mode = "bridge"
}

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.docker0, mode.macvlan]
  rounds       = 20
  block        = "100ms"
  evidence     = false
  capabilities = false
}
