lab "l" {}
network "a" {
  subnet = "10.77.0.0"
}
network "b" {
  subnet = "10.77.0.1/24"
}
network "c" {
  subnet = "fd00::/64"
}
network "d" {
  subnet = "198.18.0.0/24"
}
network "e" {
  subnet = "10.0.0.0/8"
}
network "f" {
  subnet = "224.1.0.0/16"
}
network "g" {
  subnet = "lan"
  mtu    = 100
}
network "h" {
  subnet = "192.168.0.0/16"
}
network "i" {
  subnet = "192.168.7.0/24"
}
network "j" {
  subnet = 10
}
