lab "slurm-cells" {
  description = "Twelve cells that take about a second each."
  seed        = 7
  backend     = "local"
}

matrix {
  nodelay  = [true, false]
  request  = [1, 100, 1000]
  response = [1, 1000]
}

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

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.docker0]
  rounds   = 2
  block    = "100ms"
  request  = matrix.request
  response = matrix.response
  nodelay  = matrix.nodelay

  evidence     = false
  capabilities = false
}
