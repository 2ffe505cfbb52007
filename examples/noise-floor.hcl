# How small a difference can this machine show?
#
# An A/A test: three modes that are the host itself, under other names. Whatever
# the report says of them is noise, and a claim about one of them is a false
# alarm. Run it on a machine before you believe a difference from it.
#
# In seconds, without a VM:   testbed run --backend local examples/noise-floor.hcl
# On two VMs:                 testbed run examples/noise-floor.hcl
# Another order of blocks:    … --var seed=2

lab "noise-floor" {
  description = "How small a difference can this machine show?"
  seed        = var.seed
}

variable "seed" {
  description = "orders the blocks and the resamples"
  default     = 1
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

mode "same" {
  for_each = ["a", "b", "c"]

  kind = "host"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = values(mode.same)
  rounds   = 12
  block    = "100ms"

  evidence     = false
  capabilities = false
}
