lab "l" {
  seed = var.seed
}
vm "a" {
  image = image.debian
}
