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

vm "alone" {
  image = image.debian
}

network "storage" {
  subnet = "10.78.0.0/24"
}

vm "a" {
  image = image.debian
  nic {
    network = network.lan
  }
  nic {
    network = network.storage
  }
}

vm "b" {
  image = image.debian
  nic {
    network = network.lan
  }
  nic {
    network = network.storage
  }
}

test "same" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.client
}

test "apart" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.alone
}

test "two" {
  protocol = "tcp_rr"
  client   = vm.a
  server   = vm.b
}

test "elsewhere" {
  protocol = "tcp_rr"
  client   = vm.a
  server   = vm.client
  network  = network.storage
}

mode "m" {
  kind = "macvlan"
}

test "twice" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.m, mode.host, mode.m]
}
