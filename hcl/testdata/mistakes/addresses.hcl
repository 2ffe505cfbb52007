lab "l" {}
image "debian" {
  release = "trixie"
}
network "lan" {
  subnet = "10.77.0.0/24"
}
vm "a" {
  image = image.debian
  nic {
    network = network.lan
    address = "10.78.0.5"
  }
}
vm "b" {
  image = image.debian
  nic {
    network = network.lan
    address = "10.77.0.0"
  }
}
vm "c" {
  image = image.debian
  nic {
    network = network.lan
    address = "10.77.0.255"
  }
}
vm "d" {
  count = 2
  image = image.debian
  nic {
    network = network.lan
    address = "10.77.0.7"
  }
}
vm "e" {
  image = image.debian
  nic {
    network = network.lan
    address = "10.77.0.7/24"
  }
  nic {
    network = network.lan
  }
}
