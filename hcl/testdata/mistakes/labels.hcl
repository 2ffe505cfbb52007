lab "My Lab" {}
locals "x" {}
vm {
  image = image.debian
}
vm "a" "b" {
  image = image.debian
}
image "debian" {
  release = "trixie"
}
image "6.1" {
  release = "bookworm"
}
vm "Client_1" {
  image = image.debian
}
expect "  " {
  that = 1 > length(split("", "ab"))
}
