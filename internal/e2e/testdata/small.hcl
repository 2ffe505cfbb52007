lab "LAB" {
  description = "Small enough for a test, and whole."
  seed        = 3
}

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
  image  = image.debian
  memory = "SERVER_MEMORY"

  nic {
    network = network.lan
  }
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

mode "l2" {
  kind   = "veth"
  uplink = "l2"
}

mode "routed" {
  kind   = "veth"
  uplink = "routed"
}

mode "macvlan" {
  kind = "macvlan"
  mode = "bridge"
}

mode "ipvlan_l2" {
  kind = "ipvlan"
  mode = "l2"
}

mode "ipvlan_l3" {
  kind = "ipvlan"
  mode = "l3"
}

mode "ipvlan_l3s" {
  kind = "ipvlan"
  mode = "l3s"
}

mode "docker0_at_server" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  at         = "server"
}

mode "ipvlan_l3_both" {
  kind = "ipvlan"
  mode = "l3"
  at   = "both"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  rounds   = 6
  block    = "100ms"

  evidence     = false
  capabilities = false

  modes = [
    mode.docker0,
    mode.l2,
    mode.routed,
    mode.macvlan,
    mode.ipvlan_l2,
    mode.ipvlan_l3,
    mode.ipvlan_l3s,
    mode.docker0_at_server,
    mode.ipvlan_l3_both,
  ]
}

test "udp_rr" {
  protocol = "udp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.docker0, mode.ipvlan_l2]
  rounds   = 1
  block    = "500ms"
}

# So wide that a busy machine cannot leave it open: the tests are about the verdict.
expect "a container takes at least half as long as its host" {
  that = ratio(test.tcp_rr, mode.docker0, mode.host, "p50") > 0.5
}
