# One kernel: what machines of the local backend cannot differ in.

lab "local" {
  backend = "local"
  boots   = 3
}

image "old" {
  release = "bookworm"
}

image "new" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

matrix {
  kernel = [image.old, image.new]
}

vm "client" {
  image = image.old

  nic {
    network = network.lan
  }
}

vm "server" {
  image  = matrix.kernel
  sysctl = { "net.ipv4.ip_forward" = "1", "vm.swappiness" = "1" }

  nic {
    network = network.lan
  }
}

test "rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  boots    = 2
}
