lab "l" {}
image "a" {
  release = "trixie"
}
matrix {
  size  = [1, 2, 0]
  image = [image.a, "a-text"]
}
vm "x" {
  image = matrix.image
  cpus  = matrix.size
}
