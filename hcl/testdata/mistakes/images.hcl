lab "l" {
  mirror  = "mirror.example"
  connect = "kvm:///system"
  backend = "libvrit"
}
image "none" {
}
image "two" {
  release = "trixie"
  kernel  = "vmlinuz"
}
image "version" {
  kernel_version = "6.12"
  kernel         = "/nowhere/bzImage"
}
image "modules" {
  release = "trixie"
  modules = "."
}
image "near" {
  release  = "trixy"
  userland = "Bookworm Backports"
}
image "folder" {
  kernel = "."
}
image "file" {
  kernel  = "images.hcl"
  modules = "images.hcl"
}
image "lines" {
  release = "forky-proposed-updates"
  cmdline = "a\nb"
}
image "tree_and_kernel" {
  tree   = "."
  kernel = "images.hcl"
}
image "package" {
  kernel = "linux-image.deb"
}
image "missing_package" {
  deb = "linux-image.deb"
}
image "modules_of_a_tree" {
  tree    = "."
  modules = "."
}
image "no_tree" {
  tree = "images.hcl"
}
