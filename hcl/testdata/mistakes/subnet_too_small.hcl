lab "l" {}
image "debian" {
  release = "trixie"
}
network "lan" {
  subnet = "10.77.0.0/30"
}
vm "node" {
  count = 3
  image = image.debian
  nic {
    network = network.lan
  }
}
