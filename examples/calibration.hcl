# Is a delay that is known found again? testbed doctor --calibrate runs this lab,
# in one guest that it boots from calibration-guest.hcl (or, with --backend icount, in
# one whose clock is its instruction count): between two guests the
# host's scheduler has its say in every wait, and where they are emulated each
# takes a whole CPU of it to wait with.
#
# netem holds each request back on the client's NIC. It costs something itself
# (a timer, an interrupt, a softirq) and its timer is late. So the base has netem
# too, and what is looked for is the difference between two delays. The base is
# long, because a timer is the later the longer it runs, and less and less so.

lab "calibration" {
  description = "Delays of 50 us, 200 us and 1 ms, injected by netem and measured."
  backend     = "local"
  seed        = 50
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

locals {
  base = 1000 # Microseconds.
}

# Twice, as every base of a comparison.
mode "base" {
  for_each = ["first", "second"]
  kind     = "host"
  delay    = "${local.base}us"
}

mode "plus" {
  for_each = { "50us" = 50, "200us" = 200, "1ms" = 1000 }
  kind     = "host"
  delay    = "${local.base + each.value}us"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = concat(values(mode.base), values(mode.plus))
  rounds   = 24
  block    = "2s"

  transactions = 1500
  seeds        = 8

  evidence     = false
  capabilities = false
}
