lab "hypervisors" {
  connect = "qemu://host/system"
}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

network "wire" {
  subnet  = "10.78.0.0/24"
  connect = "qemu+ssh://me@a/system?keyfile=/home/me/key"
  bridge  = "br 0"
}

network "session" {
  subnet  = "10.79.0.0/24"
  connect = "qemu+ssh://a/session"
  bridge  = "br0"
}

network "joined" {
  subnet = "10.80.0.0/24"
  bridge = "br0"
}

vm "client" {
  image   = image.debian
  connect = "qemu+ssh://a/system"

  nic {
    network = network.lan
  }

  nic {
    network = network.joined
  }
}

vm "server" {
  image   = image.debian
  connect = "qemu+ssh://b/system"

  nic {
    network = network.lan
  }

  nic {
    network = network.joined
  }
}

vm "third" {
  image = image.debian

  nic {
    network = network.session
  }
}
