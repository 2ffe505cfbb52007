# A first lab: what does Docker's default network cost a container?
#
# Two virtual machines on one network. A client in the first sends one byte to
# a server in the second, which answers with one byte, again and again. Once the
# client runs on the machine itself ("host"), once in a container that is
# connected as Docker connects it, and once in one that is connected by ipvlan.
#
#   testbed up      boot, measure, show a table, write a report
#   testbed ssh client     look around; the machines stay up
#   testbed down    remove everything
#
# Change something and run "testbed up" again: it does only what is needed.

lab "first" {
  description = "What Docker's default network adds to a round trip."
}

# What the machines boot: Debian's newest kernel for this release.
image "debian" {
  release = "trixie" # or "bookworm", "trixie-backports", …
}

# The wire between them. Nothing else is on it, not even this computer.
network "lan" {
  subnet = "10.77.0.0/24"
}

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

# The ways out of the container that are compared. "mode.host", no container at
# all, is always measured too.

mode "docker0" {
  kind       = "veth"   # a pair of virtual interfaces,
  uplink     = "bridge" # its outer end in a bridge,
  masquerade = true     # and NAT to the outside
}

mode "ipvlan" {
  kind = "ipvlan" # a second address on the machine's own interface
  mode = "l2"
}

# What is measured: request and response over one TCP connection.
test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.docker0, mode.ipvlan]
  rounds   = 5       # more rounds, narrower intervals
  block    = "200ms" # how long each mode is measured in a round
}

# What you think will come out. The report says whether it did.
expect "Docker's network costs something" {
  that = ratio(test.tcp_rr, mode.docker0, mode.host, "p50") > 1.02
}
