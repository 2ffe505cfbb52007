# Machines that share this kernel and differ in nothing of it.

lab "one-kernel" {
  backend = "local"
}

image "old" {
  release = "bookworm"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.old
  cpus  = 2

  nic {
    network = network.lan
  }
}

vm "server" {
  image  = image.old
  cpus   = 3
  sysctl = { "net.ipv4.ip_forward" = "1" }

  nic {
    network = network.lan
  }
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  cpu      = 1
}
