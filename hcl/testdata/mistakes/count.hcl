lab "l" {}

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

vm "node" {
  count = 2
  image = image.debian
  nic {
    network = network.lan
  }
}

vm "one" {
  count = 1
  image = image.debian
}

vm "none" {
  count = 0
  image = image.debian
}

vm "nil" {
  count = null
  image = image.debian
}

test "list" {
  protocol = "tcp_rr"
  client   = vm.node
  server   = vm.server
}

test "beyond" {
  protocol = "tcp_rr"
  client   = vm.node[2]
  server   = vm.one[1]
}

test "no_count" {
  protocol = "tcp_rr"
  client   = vm.client[0]
  server   = vm.none
}

vm "node-0" {
  image = image.debian
}
