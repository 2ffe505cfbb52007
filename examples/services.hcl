# Why can a Kubernetes Service not be used with ipvlan, and is there a way to have
# both?
#
# A Service is a virtual address that the node translates in its own stack. ipvlan
# l2 passes that stack by, l3 passes it by on the way back, l3s goes through it
# both ways; and a shim leads l2 through it for the service's address alone.
#
# Run it:   testbed run examples/services.hcl

lab "services" {
  description = "Which ipvlan modes have Services, and what they cost with one."
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

mode "ipvlan" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
}

mode "ipvlan_shim" {
  kind    = "ipvlan"
  mode    = "l2"
  shim    = true
  service = true
}

mode "ipvlan_l3s_service" {
  kind    = "ipvlan"
  mode    = "l3s"
  service = true
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = concat(values(mode.ipvlan), [mode.ipvlan_shim, mode.ipvlan_l3s_service])
  rounds   = 6
  block    = "100ms"
}

expect "l2 has no Services" {
  that = !capability(mode.ipvlan["l2"], "service_request")
}

expect "l3 has half of them" {
  that = capability(mode.ipvlan["l3"], "service_request") && !capability(mode.ipvlan["l3"], "service_reply")
}

expect "l3s has them" {
  that = capability(mode.ipvlan["l3s"], "service")
}

expect "a shim gives them to l2" {
  that = capability(mode.ipvlan_shim, "service")
}
