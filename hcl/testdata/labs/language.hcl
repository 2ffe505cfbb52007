# Everything that is built, once.
# --var size=64
# --var names=["a", "b"]
# --var cores=2

lab "language" {
  description = "every built argument, ${upper("said")}"
  seed        = 42
  backend     = "libvirt"
  connect     = "qemu:///session"
  mirror      = "https://mirror.example/debian"
  boots       = 3
  seeds       = 1

  void {
    steal       = "7.5%"
    involuntary = "off"
    retransmits = 0
    clock_step  = null
  }
}

variable "size" {
  type = number
}

variable "names" {
  type    = list(string)
  default = []
}

variable "cores" {
  default     = 1
  description = "Of the client."
}

variable "empty" {
  type    = string
  default = null
}

locals {
  twice  = local.once * 2
  once   = var.size
  all    = concat([mode.docker0], values(mode.ipvlan), [mode.macvlan, mode.host])
  subnet = "10.${local.octet}.0.0/28"
  octet  = 90 + strlen(join("", var.names))
}

image "debian" {
  for_each = { old = "bookworm", new = "trixie-backports" }

  release        = each.value
  kernel_version = try({ new = "7.0" }[each.key], null)
  userland       = "trixie"
  cmdline        = "mitigations=off"
  allow_expired  = each.key == "old"
  mirror         = "file:///srv/debian"
}

image "own" {
  kernel  = "files/bzImage"
  modules = "./files/modules"
}

image "unused" {
  release = "sid"
}

matrix {
  kernel = [image.debian["old"], image.own]
  memory = ["384MiB", "1GiB"]
}

network "lan" {
  subnet = local.subnet
  mtu    = 9000
}

network "storage" {
  subnet = "192.168.4.0/22"
}

vm "client" {
  count  = 2
  image  = matrix.kernel
  cpus   = var.cores
  memory = matrix.memory
  sysctl = {
    "net.core.busy_read" = 50 + count.index
    "net/ipv4/ip_forward" = true
  }

  nic {
    network = network.lan
    address = ["10.92.0.9", "10.92.0.1"][count.index]
  }

  nic {
    network = network.storage
  }
}

vm "server" {
  image  = image.debian["new"]
  memory = "512 MiB"

  nic {
    network = network.lan
    address = var.empty
  }
}

mode "docker0" {
  kind       = "veth"
  at         = "both"
  uplink     = "bridge"
  masquerade = true
}

mode "bridged" {
  kind   = "veth"
  uplink = "l2"
}

mode "routed" {
  kind       = "veth"
  uplink     = "routed"
  masquerade = false
  at         = "server"
}

mode "macvlan" {
  kind = "macvlan"
}

mode "ipvlan" {
  for_each = toset(["l3s", "l2", "l3"])

  kind = "ipvlan"
  mode = each.key
  flag = "bridge"
}

mode "again" {
  kind = "host"
}

mode "busy" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  rules      = 1000
}

mode "cilium" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
}

mode "child" {
  for_each = ["private", "vepa", "passthru"]

  kind = "macvlan"
  mode = each.key
}

mode "vepa" {
  kind = "ipvlan"
  mode = "l3"
  flag = "vepa"
}

mode "shim" {
  kind    = "ipvlan"
  mode    = "l2"
  shim    = true
  service = true
}

mode "netkit" {
  kind     = "netkit"
  mode     = "l2"
  redirect = "peer"
  scrub    = "none"
}

mode "overlay" {
  for_each = ["vxlan", "geneve", "wireguard"]

  kind = each.key
  at   = "both"
}

mode "service" {
  kind    = "netkit"
  service = true
  proxy   = "ipvs"
}

mode "tuned" {
  kind          = "host"
  mtu           = 1400
  gro           = false
  tso           = true
  rx_checksum   = false
  threaded_napi = true
  qdisc         = "fq"
}

mode "delayed" {
  kind  = "host"
  delay = "50us"
}

test "rr" {
  for_each = ["tcp_rr", "udp_rr"]

  protocol     = each.value
  client       = vm.client[1]
  server       = vm.server
  network      = network.lan
  modes        = local.all
  rounds       = length(local.all)
  block        = "${local.once}ms"
  transactions = 500
  warmup       = "0s"
  request      = local.twice
  response     = var.size
  connections  = 1
  nodelay      = false
  engine       = "testbed"
  samples      = "histogram"
}

test "until_precise" {
  protocol   = "tcp_rr"
  client     = vm.client[0]
  server     = vm.server
  network    = network.lan
  modes      = [mode.delayed]
  boots      = 1
  precision  = "1.5%"
  max_rounds = 100
  samples    = "all"
}

test "storage" {
  protocol = "tcp_rr"
  client   = vm.client[0]
  server   = vm.client[1]
  network  = network.storage

  precision = "2%"
}

expect "a claim over all there is" {
  that = (
    ratio(test.rr["tcp_rr"], mode.docker0, mode.host, "p50") > 1 + var.size / 1000
    || matrix.kernel == image.own && p99(test.rr["udp_rr"], mode.macvlan) < rate(test.rr["udp_rr"], mode.host)
  )
}
