# How do a host and its own container reach each other under ipvlan?
#
# A child of the NIC and the NIC itself do not: what the one sends leaves by the
# wire. Two children do. So the remedy is a second child on the host's side, the
# shim, with a route to the container.
#
# Run it:   testbed run examples/shim.hcl

lab "shim" {
  description = "Whether host and container reach each other, with a shim and without."
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

mode "plain" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
}

mode "shim" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
  shim = true
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = concat(values(mode.plain), values(mode.shim))
  rounds   = 6
  block    = "100ms"

  evidence = false
}

expect "l2: only with a shim" {
  that = (
    capability(mode.shim["l2"], "host_to_container") && capability(mode.shim["l2"], "container_to_host")
    && !capability(mode.plain["l2"], "host_to_container") && !capability(mode.plain["l2"], "container_to_host")
  )
}

expect "l3: only with a shim" {
  that = (
    capability(mode.shim["l3"], "host_to_container") && capability(mode.shim["l3"], "container_to_host")
    && !capability(mode.plain["l3"], "host_to_container") && !capability(mode.plain["l3"], "container_to_host")
  )
}

expect "l3s: only with a shim" {
  that = (
    capability(mode.shim["l3s"], "host_to_container") && capability(mode.shim["l3s"], "container_to_host")
    && !capability(mode.plain["l3s"], "host_to_container") && !capability(mode.plain["l3s"], "container_to_host")
  )
}
