// Package libvirt is the backend whose machines are libvirt domains, one a
// machine, on qemu:///system or on a rootless qemu:///session, of this computer or of
// one that the user's ssh leads to (package site). It is the only place that knows
// libvirt; it knows nothing of modes, tests and results.
//
// One invariant: everything made carries the lab's UUID and its owner, in the
// thing itself (the metadata of domains and networks, the names of pools, the
// alias of bridges). What a lab has is always read back from there, so taking
// it down needs no file of ours. The state directory holds only what libvirt
// cannot keep secret (the lab's SSH key), the lock that keeps two processes
// from changing one lab at once, and on which other computer a lab is.
//
// # When a lab runs
//
// A machine belongs to a running lab when the process that made it is alive, or
// when it runs and was kept: the last step of an up says so in the domain's
// metadata, see [provision.Backend.Keep]. All other machines are garbage, and
// so are networks, pools and state of labs that have no such machine. A process
// that holds a lab's lock makes all of that lab alive.
package libvirt
