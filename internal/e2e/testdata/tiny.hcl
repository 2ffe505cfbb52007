lab "LAB" {
  seed = 3
}

image "debian" {
  RELEASE
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

mode "macvlan" {
  kind = "macvlan"
  mode = "bridge"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.macvlan]
  rounds   = ROUNDS
  block    = "500ms"

  evidence     = false
  capabilities = false
}
