lab "LAB" {
  description = "One guest with two processors, to run programs in."
}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "guest" {
  image  = image.debian
  cpus   = 2
  memory = "768MiB"

  nic {
    network = network.lan
  }
}
