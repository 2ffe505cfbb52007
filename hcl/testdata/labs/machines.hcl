# Two computers that exist.

lab "rack" {}

network "lan" {
  subnet = "10.77.0.0/24"
}

machine "client" {
  ssh = "me@client.example:2222"
  nic = "eno2"
}

machine "server" {
  ssh     = "server"
  nic     = "enp1s0f1np1"
  network = network.lan
  address = "10.77.0.77"
  share   = true
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  at         = "both"
}

# At the client's end, whose NIC is the lab's alone.
mode "bridged" {
  kind   = "veth"
  uplink = "l2"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = machine.client
  server   = machine.server
  modes    = [mode.docker0, mode.bridged]
  cpu      = 7
}
