lab "l" {}

network "lan" {
  subnet = "10.77.0.0/24"
}

machine "a" {
  ssh   = "root@a"
  nic   = "eth0"
  share = true
}

machine "b" {
  ssh = "root@b"
  nic = "eth1"
}

mode "bridged" {
  kind   = "veth"
  uplink = "l2"
}

mode "given_away" {
  kind = "macvlan"
  mode = "passthru"
  at   = "both"
}

mode "fine" {
  kind = "macvlan"
}

test "from_a" {
  protocol = "tcp_rr"
  client   = machine.a
  server   = machine.b
  modes    = [mode.bridged, mode.fine]
}

test "to_a" {
  protocol = "tcp_rr"
  client   = machine.b
  server   = machine.a
  modes    = [mode.bridged, mode.given_away]
}
