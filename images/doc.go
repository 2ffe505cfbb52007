// Package images makes what a VM boots: a kernel, and a small root filesystem
// with that kernel's modules, a user land and PID 1. It takes them from the
// machine's Debian mirror, verified along the archive's own chain, or the
// kernel from files of the user's; it caches what it made and pins what it was
// made of in a lock file. It starts no VM and runs nothing of what it downloads;
// of a kernel tree of the user's it runs modules_install.
//
// Invariant: the same packages, PID 1 and builder give the same bytes, on any
// machine; and with a lock and a warm cache nothing is fetched.
//
// It imports, from below: archive (a Debian archive, verified), deb (Debian's
// formats), kmod (kernel modules and their index), newc (initramfs archives)
// and flock (locks between processes).
package images
