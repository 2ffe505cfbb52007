# The guest in which testbed doctor --calibrate runs calibration.hcl.

lab "calibration-guest" {
  description = "One guest, in which known delays are injected and found."
}

# A CPU that sleeps longer takes longer to wake, so a longer delay would seem
# longer than it is. A guest that polls never sleeps.
image "debian" {
  release = "trixie"
  cmdline = "idle=poll"
}

network "lan" {
  subnet = "10.77.1.0/24"
}

# Client and server have a CPU each, as two machines would.
vm "guest" {
  image  = image.debian
  cpus   = 2
  memory = "1GiB"
  nic {
    network = network.lan
  }
}
