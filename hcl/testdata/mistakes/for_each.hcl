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

mode "ipvlan" {
  for_each = ["l2", "l3", "l4"]
  kind     = "ipvlan"
  mode     = each.value
}

mode "twice" {
  for_each = ["a", "a"]
  kind     = "host"
}

mode "text" {
  for_each = "l2"
  kind     = "host"
}

mode "lists" {
  for_each = [["l2"]]
  kind     = "host"
}

mode "spaces" {
  for_each = ["not a name"]
  kind     = "host"
}

mode "fine" {
  for_each = { a = "l2", b = "l3" }
  kind     = "ipvlan"
  mode     = each.value
}

mode "nothing" {
  for_each = []
  kind     = "host"
}

mode "fine-a" {
  kind = "host"
}

test "t" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.fine, mode.fine["c"], mode.nothing["x"], mode.fine-a["x"]]
}

test "u" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = mode.fine
}
