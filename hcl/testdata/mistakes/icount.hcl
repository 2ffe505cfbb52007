# One guest that counts instructions: what it cannot be or count.

lab "counting" {
  backend = "icount"
  seeds   = 3
}

image "one" {
  release = "trixie"
}

image "other" {
  release = "bookworm"
}

image "more" {
  release  = "trixie"
  packages = ["podman", "podman", "Not_A_Name"]
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image  = image.one
  cpus   = 2
  setup  = "true"
  sysctl = { "net.core.netdev_budget" = "64", "net.core.somaxconn" = "64", "vm.swappiness" = "1" }

  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.other

  nic {
    network = network.lan
  }
}

vm "third" {
  image = image.more

  nic {
    network = network.lan
  }
}

mode "slow" {
  kind  = "host"
  delay = "1ms"
}

mode "web" {
  container = "podman://web"
}

test "rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.slow, mode.web]
  engine   = "netperf"
}

test "open" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  rate     = 100
}

test "large" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  transactions = 100000000
  samples      = "all"
}
