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

test "a" {
  protocol = "tcprr"
  client   = vm.client
  server   = vm.server
  block    = 250
  warmup   = "20"
  rounds   = 0
  engine   = "iperf"
  rate     = -1
  busy_poll = "2h"
}

test "b" {
  protocol   = "udp_rr"
  client     = vm.client
  server     = vm.server
  block      = "10us"
  request    = 70000
  schedule   = "poisson"
  max_rounds = 5
  precision  = "1"
}

test "c" {
  protocol   = "udp_rr"
  client     = vm.client
  server     = vm.server
  max_rounds = 5
}

test "d" {
  protocol  = "tcp_rr"
  client    = vm.client
  server    = vm.server
  busy_poll = "1500ns"
}

test "e" {
  protocol  = "tcp_rr"
  client    = vm.client
  server    = vm.server
  busy_poll = "36m"
}
