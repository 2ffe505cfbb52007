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

locals {
  a    = local.b + 1
  b    = local.c + 1
  c    = local.a + 1
  self = [local.self]
  fine = local.a
}

mode "m" {
  for_each = local.modes
  kind     = "host"
}

locals {
  modes = [for m in values(mode.m) : "x"]
}

test "t" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = values(mode.m)
  rounds   = local.fine
}
