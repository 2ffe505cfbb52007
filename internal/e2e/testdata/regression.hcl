# Two kernels that differ in a boot option, and a mode whose path can be made longer.

variable "seed" {
  type    = number
  default = 17
}

variable "rules" {
  type        = number
  default     = 0
  description = "Firewall rules that docker0's packets pass."
}

variable "cmdline" {
  type        = string
  default     = ""
  description = "schedstats=enable makes a switch of threads longer."
}

lab "regression" {
  description = "Is a longer path found?"
  backend     = "icount"
  seed        = var.seed
}

image "kernel" {
  release = "trixie"
  cmdline = var.cmdline
}

image "plain" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.kernel

  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.kernel

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

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.docker0]
  transactions = 500
  seeds        = 5
  evidence     = false
  capabilities = false
}
