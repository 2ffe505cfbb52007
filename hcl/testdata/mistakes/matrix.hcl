lab "l" {
  seed = matrix.size
}
matrix {
  size   = 1
  empty  = []
  twice  = ["a", "b", "a"]
  node   = [vm.a]
  ref    = [image.a, image.b]
  self   = [matrix.size]
  kernel {
  }
}
image "a" {
  release = "trixie"
  cmdline = "mitigations=${matrix.size}"
}
vm "a" {
  image  = image.a
  memory = matrix.memory
}
