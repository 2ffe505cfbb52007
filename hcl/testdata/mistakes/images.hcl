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
