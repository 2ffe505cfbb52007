lab "l" {
  seed        = "many"
  description = ["a"]
}
image "debian" {
  release       = trixie
  allow_expired = "perhaps"
  packages      = "podman"
}
vm "client" {
  image  = image.debian
  cpus   = 1.5
  memory = 384
  sysctl = ["a"]
}
vm "server" {
  image  = "debian"
  cpus   = 0
  memory = "384MB"
  sysctl = { "bad name" = 1 }
}
vm "third" {
  image  = null
  memory = "64MiB"
}
vm "fourth" {
  image  = image.debian
  memory = "a lot"
  cpus   = null
}
