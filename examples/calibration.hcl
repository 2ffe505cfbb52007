# Is a delay that is known found again? testbed doctor --calibrate runs this lab.
#
# netem holds each request back on the client's NIC. It costs something itself:
# a timer, an interrupt, a softirq. So the base has netem too, with a delay long
# enough for the timer to be set, and what is looked for is the difference
# between two delays, which netem's own cost is no part of.

lab "calibration" {
  description = "Delays of 50 us, 200 us and 1 ms, injected by netem and measured."
  seed        = 50
}

# A machine that has nothing to do for longer takes longer to wake, so a longer
# delay would seem longer than it is: by 95 us of 200 and 186 us of 1,000 where it
# was measured, under TCG on a quiet host. A guest that polls never sleeps.
image "debian" {
  release = "trixie"
  cmdline = "idle=poll"
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
  base = 200 # Microseconds.
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
}
