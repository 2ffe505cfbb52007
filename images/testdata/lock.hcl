# What this lab's images were made of. Keep it beside the lab, so that others
# get the same; `testbed images update` renews it.

version = 1

userland "trixie" {

  package "busybox" {
    version = "1:1.37.0-6"
    size    = 1234
    sha256  = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
    path    = "pool/main/b/busybox/busybox_1.37.0-6_amd64.deb"
  }
}

kernels "6.12" "7.3" {
  suites = []

  kernel "6.12.1-1" {
    suite          = "trixie"
    kernel_release = "6.12.1+deb13-cloud-amd64"

    package "busybox" {
      version = "1:1.37.0-6"
      size    = 1234
      sha256  = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
      path    = "pool/main/b/busybox/busybox_1.37.0-6_amd64.deb"
    }
  }
}

image "debian" {
  release        = "sid"
  userland       = "trixie"
  kernel_release = "7.3"
  kernel_sha256  = "cc"
  root_sha256    = "dd"
  builder        = "1+x"
  expired        = "2026-01-02T03:04:05Z"

  package "busybox" {
    version = "1:1.37.0-6"
    size    = 1234
    sha256  = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
    path    = "pool/main/b/busybox/busybox_1.37.0-6_amd64.deb"
  }
}
image "own" {
  kernel         = "/k/bzImage"
  userland       = "trixie"
  kernel_release = "6.13.0"
  kernel_sha256  = "aa"
  root_sha256    = "bb"
  builder        = "1+x"
}
