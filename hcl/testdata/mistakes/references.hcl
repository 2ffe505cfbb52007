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

vm "third" {
  image = image.debain
  nic {
    network = networks.lan
  }
  nic {
    network = image.debian
  }
}

test "t" {
  protocol = "tcp_rr"
  client   = vm.cleint
  server   = mode.host
  modes    = [mode.dokcer0, vm.client, "docker0", null, mode.docker0]
  network  = "lan"
}

test "u" {
  protocol = "tcp_rr"
  client   = client
  server   = vm.server
  modes    = mode.docker0
}

test "w" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.lan
  rounds   = var.rounds
  request  = local.size
  response = matrix.size
  warmup   = each.value
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

locals {
  release = image.debian.release
  n       = count.index
}
