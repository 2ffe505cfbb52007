lab "l" {
  sead = 1
}
image "debian" {
  relase = "trixie"
  release = "trixie"
  size    = 3
}
network "lan" {}
vm "client" {
  image    = image.debian
  for_each = ["a"]
  memmory  = "1GiB"
  nic      = network.lan
  sysctl {
    a = 1
  }
  mode "x" {}
  nics {
  }
}
vm "server" {}
mode "m" {
  kind  = "host"
  count = 2
}
network "n" {
  subnet   = "10.1.0.0/24"
  for_each = []
}
