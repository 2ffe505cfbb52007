# CPUs that a machine will not have.

lab "l" {}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "one" {
  image = image.debian

  nic {
    network = network.lan
  }
}

vm "two" {
  count = 2
  image = image.debian
  cpus  = 2

  nic {
    network = network.lan
  }
}

test "client" {
  protocol = "tcp_rr"
  client   = vm.one
  server   = vm.two[0]
  cpu      = 1
}

test "server" {
  protocol = "tcp_rr"
  client   = vm.two[0]
  server   = vm.one
  cpu      = 1
}

test "both" {
  protocol = "tcp_rr"
  client   = vm.two[0]
  server   = vm.two[1]
  cpu      = 2
}
