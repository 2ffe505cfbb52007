package rr

// A plugin of an emulator counts instructions between a call of windowOpens and one
// of windowCloses, which it knows by their addresses. They do nothing, and are
// called in every block, so that what is counted is the same with and without it.

// windowOpens is called when a block's main stretch begins.
//
//go:noinline
//go:nosplit
func windowOpens() {}

// windowCloses is called when it is over.
//
//go:noinline
//go:nosplit
func windowCloses() {}
