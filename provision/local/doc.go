// Package local is the backend without VMs: a machine is a network namespace of
// this machine's own kernel, with a host name and CPUs of its own, and a network
// is a wire (a veth pair) or, for more than two machines, a bridge in a
// namespace apart. It knows nothing of modes, tests and results. Images and
// memory mean nothing here: there is one kernel, and it is this one.
//
// Invariant: links, addresses, routes, rules and sysctls of this machine's own
// namespace are left alone. Nothing of a lab is ever in it, not for a moment.
//
// # Where a lab is
//
// A lab is a tmpfs of its own at /run/testbed/local/OWNER/LAB. In it lie the
// names of its namespaces (bind mounts), small marks that say what each was made
// from, and the agent. There is no other state, so every process finds the lab,
// and unmounting the tmpfs takes away all of it at once. Beside it a lock keeps
// two processes from changing one lab at once.
//
// A lab belongs to the process that made it, and is garbage once that is gone,
// unless it was kept; see [provision.Backend.Keep].
//
// # An ordinary user
//
// may not make namespaces, but for those inside a user namespace; see
// [Contain]. What is made there ends with the process, so nothing can be left
// running.
package local
