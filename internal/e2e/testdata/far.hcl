lab "LAB" {
  seed = 3
}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
  bridge = "br0"
}

network "own" {
  subnet  = "10.78.0.0/24"
  connect = "qemu+ssh://root@a/system"
}

vm "client" {
  image = image.debian

  nic {
    network = network.lan
  }

  nic {
    network = network.own
  }
}

vm "server" {
  image   = image.debian
  connect = "qemu+ssh://plain@b/system"

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
  rounds   = 1
  block    = "250ms"

  evidence     = false
  capabilities = false
}
