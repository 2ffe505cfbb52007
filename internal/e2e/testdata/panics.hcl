lab "LAB" {
  backend = "icount"
  seed    = 17
}

image "good" {
  release = "trixie"
}

image "panics" {
  release = "trixie"
  cmdline = "rdinit=/none init=/none"
}

matrix {
  kernel = [image.good, image.panics]
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = matrix.kernel

  nic {
    network = network.lan
  }
}

vm "server" {
  image = matrix.kernel

  nic {
    network = network.lan
  }
}

mode "macvlan" {
  kind = "macvlan"
}

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.macvlan]
  transactions = 100
  evidence     = false
  capabilities = false
  kmemleak     = true
}
