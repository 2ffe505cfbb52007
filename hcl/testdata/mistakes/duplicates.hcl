lab "l" {}
image "a" {
  release = "trixie"
}
image "a" {
  release = "bookworm"
}
vm "x" {
  image = image.a
}
machine "x" {
  ssh = "root@x"
  nic = "eth1"
}
mode "host" {
  kind = "veth"
}
locals {
  one = 1
}
locals {
  one = 2
}
expect "same" {
  that = 1 < 2
}
expect "same" {
  that = 1 < 2
}
