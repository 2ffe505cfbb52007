lab "l" {
  boots = 2
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

machine "server" {
  ssh = "root@server"
  nic = "eth1"
}

mode "slow" {
  kind  = "host"
  delay = "2s"
}

mode "delayed" {
  kind  = "macvlan"
  delay = "50us"
}

test "reboots_what_exists" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = machine.server
}

test "too_few" {
  protocol   = "tcp_rr"
  client     = vm.client
  server     = machine.server
  boots      = 1
  rounds     = 10
  precision  = "1%"
  max_rounds = 5
}
