lab "l" {
  backend = "libvirt"
  connect = "qemu:///system"
  boots   = 2
}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
  mtu    = 9000
}

vm "client" {
  image = image.debian

  nic {
    network = network.lan
  }
}

machine "server" {
  ssh = "root@server"
  nic = "eth1"
}

machine "again" {
  ssh = "root@server"
  nic = "eth2"
}

machine "option" {
  ssh = "-oProxyCommand@server"
  nic = "eth2"
}

test "t" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = machine.server
  boots    = 3
}
