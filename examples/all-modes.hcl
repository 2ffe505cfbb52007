# Every interface mode that testbed builds, on two kernels: what each costs, why,
# and what works in it.
#
# Each mode is measured, then looked into (softirqs, functions, the path of a
# packet), then probed (services, filters, siblings, broadcasts). A mode that a
# kernel lacks is reported as unsupported, by what it lacks: on Linux 6.1
# (--var 'releases=["bookworm"]') that is netkit.
#
# Run it:   testbed run examples/all-modes.hcl
# Smaller:  testbed run --var rounds=2 --var 'releases=["trixie"]' examples/all-modes.hcl
# Counted:  testbed run --backend icount --var podman=false examples/all-modes.hcl
# Then:     testbed explain docker0 host

lab "all-modes" {
  description = "What every interface mode costs, why, and what it breaks."
  seed        = 17
}

variable "releases" {
  type        = list(string)
  default     = ["trixie", "trixie-backports"]
  description = "Debian releases whose kernels are compared: bookworm has Linux 6.1, trixie 6.12, trixie-backports 7."
}

variable "rounds" {
  type        = number
  default     = 8
  description = "More rounds, narrower intervals; fewer than six have none."
}

variable "podman" {
  type        = bool
  default     = true
  description = "Whether a container that Podman runs is measured too. A guest that counts instructions has none."
}

image "kernel" {
  for_each = var.releases

  release = each.key
}

image "engine" {
  for_each = var.releases

  release  = each.key
  packages = ["catatonit", "podman"]
}

matrix {
  release = var.releases
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image  = image.kernel[matrix.release]
  memory = "512MiB"

  nic {
    network = network.lan
  }
}

vm "server" {
  image  = image.kernel[matrix.release]
  memory = "512MiB"

  nic {
    network = network.lan
  }
}

# A client of its own for Podman, whose rules every packet of its machine passes:
# they would be in the other modes' figures. examples/podman.hcl explains it.

vm "engine" {
  image  = var.podman ? image.engine[matrix.release] : image.kernel[matrix.release]
  memory = "512MiB"
  setup  = var.podman ? local.engine : null

  nic {
    network = network.lan
  }
}

locals {
  engine = <<-EOT
    mkdir -p /srv/web
    cp /usr/bin/catatonit /srv/web/
    podman run --detach --name web --rootfs /srv/web /catatonit -P
    setsid podman system service --time=0 </dev/null >/dev/null 2>&1 &
    until test -S /run/podman/podman.sock; do sleep 0.1; done
  EOT
}

# A veth pair, and three ways from its outer end to the NIC.

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

mode "docker0_busy" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  rules      = 1000
}

mode "veth_l2" {
  kind   = "veth"
  uplink = "l2"
}

mode "routed" {
  kind   = "veth"
  uplink = "routed"
}

mode "veth_redirect" {
  kind     = "veth"
  uplink   = "routed"
  redirect = "peer"
}

# Children of the NIC.

mode "macvlan" {
  for_each = ["bridge", "private", "vepa", "passthru"]

  kind = "macvlan"
  mode = each.key
}

mode "macvlan_shim" {
  kind = "macvlan"
  shim = true
}

mode "ipvlan" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
}

mode "ipvlan_private" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
  flag = "private"
}

mode "ipvlan_vepa" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
  flag = "vepa"
}

mode "ipvlan_shim" {
  for_each = ["l2", "l3", "l3s"]

  kind = "ipvlan"
  mode = each.key
  shim = true
}

# netkit, which runs a BPF program in place of a receive path, if it has one.

mode "netkit" {
  for_each = ["l2", "l3"]

  kind = "netkit"
  mode = each.key
}

mode "netkit_redirect" {
  for_each = ["l2", "l3"]

  kind     = "netkit"
  mode     = each.key
  redirect = "peer"
}

mode "netkit_unscrubbed" {
  kind  = "netkit"
  scrub = "none"
}

# Overlays between the two machines, a container at both ends.

mode "overlay" {
  for_each = ["vxlan", "geneve", "wireguard"]

  kind = each.key
  at   = "both"
}

# The other end, or both, in a container.

mode "routed_at" {
  for_each = ["server", "both"]

  kind   = "veth"
  uplink = "routed"
  at     = each.key
}

# A container that runs already, whatever its engine built for it.

mode "container" {
  for_each = var.podman ? { podman = "podman://web", process = "pid://1" } : {}

  container = each.value
}

# A virtual service address before the server.

mode "docker0_service" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  service    = true
}

mode "docker0_ipvs" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
  service    = true
  proxy      = "ipvs"
}

# Settings of devices, compared as modes are.

mode "tuned" {
  for_each = {
    gro_off      = { gro = false }
    tso_off      = { tso = false }
    checksum_off = { rx_checksum = false }
    mtu1280      = { mtu = 1280 }
    napi         = { threaded_napi = true }
    fq           = { qdisc = "fq" }
  }

  kind          = "host"
  gro           = try(each.value.gro, null)
  tso           = try(each.value.tso, null)
  rx_checksum   = try(each.value.rx_checksum, null)
  mtu           = try(each.value.mtu, null)
  threaded_napi = try(each.value.threaded_napi, null)
  qdisc         = try(each.value.qdisc, null)
}

locals {
  all = concat(
    [mode.loopback, mode.docker0, mode.docker0_busy, mode.veth_l2, mode.routed, mode.veth_redirect],
    values(mode.macvlan), [mode.macvlan_shim],
    values(mode.ipvlan), values(mode.ipvlan_private), values(mode.ipvlan_vepa), values(mode.ipvlan_shim),
    values(mode.netkit), values(mode.netkit_redirect), [mode.netkit_unscrubbed],
    values(mode.overlay), values(mode.routed_at), [mode.docker0_service, mode.docker0_ipvs], values(mode.tuned),
  )
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = local.all
  rounds   = var.rounds
  block    = "200ms"
}

test "running" {
  for_each = var.podman ? ["tcp_rr"] : []

  protocol = each.key
  client   = vm.engine
  server   = vm.server
  modes    = values(mode.container)
  rounds   = var.rounds
  block    = "200ms"
}
