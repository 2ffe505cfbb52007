# Addresses where the subnet is just large enough, and where some are given.

lab "small-subnets" {}

image "debian" {
  release = "trixie"
}

network "tight" {
  subnet = "10.9.0.0/29"
}

network "large" {
  subnet = "172.16.0.0/12"
}

vm "a" {
  image = image.debian

  nic {
    network = network.tight
  }

  nic {
    network = network.large
    address = "172.16.0.101"
  }
}

vm "b" {
  image = image.debian

  nic {
    network = network.large
  }

  nic {
    network = network.tight
    address = "10.9.0.1"
  }
}

vm "c" {
  image = image.debian

  nic {
    network = network.tight
    address = "10.9.0.4"
  }
}
