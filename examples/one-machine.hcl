# Does the test make sense on one machine?
#
# A client that calls its own machine's address never reaches the NIC: the kernel
# takes the packet to lo. What is measured then is two sockets and the loopback
# device, whatever the container's network would have cost.
#
# Run it:   testbed run examples/one-machine.hcl
# Then:     testbed explain loopback

lab "one-machine" {
  description = "What a client measures that calls its own address."
  seed        = 17
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
  image = image.debian

  nic {
    network = network.lan
  }
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.loopback]
  rounds   = 6
  block    = "100ms"
}

expect "one machine is another experiment" {
  that = ratio(test.tcp_rr, mode.loopback, mode.host, "p50") < 0.5
}
