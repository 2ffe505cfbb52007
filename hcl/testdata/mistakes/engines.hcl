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

test "many" {
  protocol    = "tcp_rr"
  engine      = "netperf"
  client      = vm.client
  server      = vm.server
  connections = 8
  busy_poll   = "50us"
}

test "open" {
  protocol = "udp_rr"
  engine   = "sockperf"
  client   = vm.client
  server   = vm.server
  rate     = 1000
  request  = 64
  response = 64
}

test "crr" {
  protocol = "tcp_crr"
  engine   = "sockperf"
  client   = vm.client
  server   = vm.server
  request  = 14
  response = 100
}

test "default" {
  protocol = "tcp_rr"
  engine   = "sockperf"
  client   = vm.client
  server   = vm.server
}

test "small" {
  protocol = "tcp_rr"
  engine   = "sockperf"
  client   = vm.client
  server   = vm.server
  request  = 13
  response = 13
}

test "large" {
  protocol = "tcp_rr"
  engine   = "sockperf"
  client   = vm.client
  server   = vm.server
  request  = 70000
  response = 70000
}

# Nothing is wrong with these.
test "fine" {
  for_each = ["tcp_rr", "tcp_crr"]
  protocol = each.value
  engine   = "netperf"
  client   = vm.client
  server   = vm.server
  request  = 1
  response = 70000
}

test "polling" {
  protocol  = "udp_rr"
  engine    = "sockperf"
  client    = vm.client
  server    = vm.server
  request   = 14
  response  = 14
  busy_poll = "50us"
}
