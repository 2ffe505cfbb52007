# One kernel, and a sysctl that lengthens the path by less than 1%: congestion control by
# CUBIC, which does more at each acknowledgement, in place of Reno.

lab "congestion" {
  description = "Is a path found that is longer by less than 1%?"
  backend     = "icount"
  seed        = 17
}

matrix {
  control = ["reno", "cubic"]
}

image "kernel" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.kernel

  nic {
    network = network.lan
  }

  sysctl = {
    "net.ipv4.tcp_congestion_control" = matrix.control
  }
}

vm "server" {
  image = image.kernel

  nic {
    network = network.lan
  }

  sysctl = {
    "net.ipv4.tcp_congestion_control" = matrix.control
  }
}

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.host]
  seeds        = 5
  transactions = 500
  evidence     = false
  capabilities = false
}
