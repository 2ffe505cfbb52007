# Everything that a later version builds.

lab "later" {
  backend = "icount"
  connect = "qemu+ssh://host/system"
  seeds   = 5
}

image "debian" {
  release  = "trixie"
  packages = ["podman"]
}

image "tree" {
  tree = "."
}

image "deb" {
  kernel = "linux-image.deb"
}

network "lan" {
  subnet  = "10.77.0.0/24"
  connect = "qemu:///session"
  bridge  = "br0"
}

vm "client" {
  image   = image.debian
  connect = "qemu+ssh://host/session"

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

mode "macvlan" {
  for_each = ["bridge", "private", "vepa", "passthru"]

  kind = "macvlan"
  mode = each.key
  shim = true
}

mode "ipvlan" {
  kind = "ipvlan"
  flag = "vepa"
}

mode "cilium" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
}

mode "busy" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  rules      = 1000
}

mode "netkit" {
  kind     = "netkit"
  mode     = "l2"
  redirect = "peer"
  scrub    = "none"
}

mode "overlay" {
  kind = "vxlan"
}

mode "geneve" {
  kind = "geneve"
}

mode "wireguard" {
  kind = "wireguard"
}

mode "podman" {
  container = "podman://web"
}

mode "service" {
  kind    = "host"
  service = true
}

mode "offloads" {
  kind          = "host"
  mtu           = 9000
  gro           = false
  tso           = true
  rx_checksum   = false
  threaded_napi = true
  qdisc         = "noqueue"
}

test "crr" {
  protocol    = "tcp_crr"
  client      = vm.client
  server      = vm.server
  modes       = [mode.loopback, mode.netkit]
  connections = 8
  rate        = 10000
  schedule    = "periodic"
  busy_poll   = "50us"
  cpu         = 1
  priority    = 50
  seeds       = 2
}

expect "later" {
  that = softirqs(test.crr, mode.netkit) > 0 || instructions(test.crr, mode.host) > 1 || capability(mode.netkit, "service") == false && capability(test.crr, mode.host, "dnat")
}

# With the value that is built, an argument asks for nothing.
test "plain" {
  protocol    = "udp_rr"
  client      = vm.client
  server      = vm.server
  boots       = 1
  seeds       = 1
  connections = 1
  busy_poll   = "0s"
  priority    = 0
}
