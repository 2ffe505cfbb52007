lab "LAB" {
  description = "One path, in instructions, for git bisect run."
  backend     = "icount"
  seed        = 17
  seeds       = 3
}

image "debian" {
  release = "RELEASE"
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

test "udp_rr" {
  protocol     = "udp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.host]
  transactions = 300
  evidence     = false
  capabilities = false
}
