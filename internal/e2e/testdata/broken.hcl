lab "LAB" {
  description = "Kernels that fail, each in its own way."
  seed        = 17
}

image "good" {
  kernel  = "./vmlinuz"
  modules = "./good"
}

image "panics" {
  kernel  = "./vmlinuz"
  modules = "./good"
  cmdline = "rdinit=/none init=/none"
}

image "hangs" {
  kernel  = "./vmlinuz"
  modules = "./hangs"
}

image "lacks-ipvlan" {
  kernel  = "./vmlinuz"
  modules = "./lacks-ipvlan"
}

image "bare" {
  kernel = "./vmlinuz"
}

matrix {
  kernel = [image.good, image.panics, image.hangs, image.lacks-ipvlan, image.bare]
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = matrix.kernel

  nic {
    network = network.lan
  }
}

vm "server" {
  image = matrix.kernel

  nic {
    network = network.lan
  }
}

mode "macvlan" {
  kind = "macvlan"
}

mode "ipvlan" {
  kind = "ipvlan"
}

test "tcp_rr" {
  protocol     = "tcp_rr"
  client       = vm.client
  server       = vm.server
  modes        = [mode.macvlan, mode.ipvlan]
  rounds       = 2
  evidence     = false
  capabilities = false
}
