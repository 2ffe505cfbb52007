# Everything that a later version builds.

lab "later" {}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet  = "10.77.0.0/24"
  connect = "qemu:///session"
  bridge  = "br0"
}

vm "client" {
  image   = image.debian
  connect = "qemu+ssh://host/session"

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

test "crr" {
  protocol    = "tcp_crr"
  client      = vm.client
  server      = vm.server
  modes       = [mode.docker0]
  connections = 8
  rate        = 10000
  schedule    = "periodic"
  busy_poll   = "50us"
  cpu         = 1
  priority    = 50
}

# With the value that is built, an argument asks for nothing.
test "plain" {
  protocol    = "udp_rr"
  client      = vm.client
  server      = vm.server
  boots       = 1
  seeds       = 1
  connections = 1
  busy_poll   = "0s"
  priority    = 0
}
