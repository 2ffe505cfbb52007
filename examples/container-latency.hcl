# What does a container's network interface add to a round trip?
#
# The question of a lecture on container networks: a packet from a container
# passes through a veth pair, a bridge and NAT before it reaches the wire, if
# Docker's default is used. There are shorter ways. This lab measures them side
# by side, on two virtual machines with one network between them.
#
# Run it:   testbed up examples/container-latency.hcl
# Then:     testbed ssh client        (the machines stay up)
# At last:  testbed down

lab "container-latency" {
  description = "What a container's network interface adds to a round trip."
  seed        = 17 # orders the measurements; the same seed, the same order
}

# Both machines boot the same kernel: Debian 13's.
image "debian" {
  release = "trixie"
}

# One segment, shared by the two machines. Addresses are given out by testbed.
network "lan" {
  subnet = "10.77.0.0/24"
}

# The containers are on the client, unless a mode says at = "server" or "both".
vm "client" {
  image  = image.debian
  cpus   = 1
  memory = "384MiB"

  nic {
    network = network.lan
  }
}

vm "server" {
  image  = image.debian
  cpus   = 1
  memory = "384MiB"

  nic {
    network = network.lan
  }
}

# mode.host, no container at all, needs no declaration: it is what every other
# mode is compared with.

# What Docker does: a veth pair into a bridge, and NAT to the outside.
mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

# A veth pair and a route, without bridge and NAT. Calico does it so.
mode "routed" {
  kind   = "veth"
  uplink = "routed"
}

# A second MAC address on the NIC: no pair, no bridge, no routing on the host.
mode "macvlan" {
  kind = "macvlan"
  mode = "bridge"
}

# A second IP address on the NIC, with the NIC's own MAC address. The three
# differ in how much of the host's IP stack a packet sees: nothing (l2), its
# routes (l3), its netfilter rules as well (l3s).
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

locals {
  modes = [
    mode.docker0,
    mode.routed,
    mode.macvlan,
    mode.ipvlan_l2,
    mode.ipvlan_l3,
    mode.ipvlan_l3s,
  ]
}

# One byte there and one byte back, as fast as the answers come. In each of ten
# rounds every mode is measured once for 250 ms, in random order, and host
# twice: the difference between host and host is the noise.
test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = local.modes
  rounds   = 10
  block    = "250ms"
}

# The same without TCP's part, more briefly: with all modes, the lab takes under a
# minute on the local backend.
test "udp_rr" {
  protocol = "udp_rr"
  client   = vm.client
  server   = vm.server
  modes    = local.modes
  rounds   = 8
  block    = "100ms"
  evidence = false # The packets' path is that of tcp_rr.
}

# What the lecture found, as claims that this machine confirms or refutes.

expect "a veth pair, a bridge and NAT cost something" {
  that = ratio(test.tcp_rr, mode.docker0, mode.host, "p50") > 1.02
}

expect "ipvlan is nearer to the host than docker0" {
  that = ratio(test.tcp_rr, mode.ipvlan_l2, mode.docker0, "p50") < 1
}
