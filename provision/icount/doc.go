// Package icount counts instructions: a lab's machines become network namespaces
// of one guest of one processor, whose clock is the number of instructions that it
// has executed. Each test is a boot of its own: the agents' segments are in the
// guest's initramfs, nothing reaches it while it runs, and what the agents said
// leaves when all is over. Between tests nothing runs, so there is nothing to
// connect to.
//
// It knows no libvirt: provision/libvirt makes the guest and removes it.
//
// Invariant: the same images, agent, segments and seed give the same bytes.
package icount
