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

mode "m" {
  kind = "macvlan"
}

mode "unused" {
  kind = "macvlan"
}

test "t" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.m]
}

expect "number" {
  that = p50(test.t, mode.m)
}

expect "compared with text" {
  that = p50(test.t, mode.m) > "x"
}

expect "swapped" {
  that = p50(mode.m, test.t) > 1
}

expect "not measured" {
  that = p99(test.t, mode.unused) > 1
}

expect "metric" {
  that = ratio(test.t, mode.m, mode.host, "p5O") > 1
}

expect "function" {
  that = p95(test.t, mode.m) > 1
}

expect "reference" {
  that = p50(test.x, mode.mm) > local.limit
}

expect "arguments" {
  that = p50(test.t) > 1
}

expect "null" {
  that = null
}

expect "capability" {
  that = capability(mode.m)
}

expect "nothing" {
}

locals {
  early = p50(test.t, mode.m)
}
