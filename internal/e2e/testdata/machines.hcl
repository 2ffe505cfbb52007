lab "LAB" {
  seed = 3
}

network "lan" {
  subnet = "10.77.0.0/24"
}

machine "client" {
  ssh   = "CLIENT"
  nic   = "NIC"
  share = SHARE
}

machine "server" {
  ssh   = "SERVER"
  nic   = "NIC"
  share = SHARE
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  at         = "both"
}

mode "macvlan" {
  kind = "macvlan"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = machine.client
  server   = machine.server
  modes    = [mode.docker0, mode.macvlan]
  rounds   = ROUNDS
  block    = "100ms"

  evidence     = false
  capabilities = false
}
