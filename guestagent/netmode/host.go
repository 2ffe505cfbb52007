package netmode

// host builds nothing: the socket lives in the machine's own namespace.
func (b *build) host() []step { return nil }
