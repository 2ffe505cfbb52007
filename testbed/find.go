package testbed

// Image returns the image of that name, or false.
func (l *Lab) Image(name string) (Image, bool) {
	return find(l.Images, func(i Image) bool { return i.Name == name })
}

// Machine returns the machine of that name, or false.
func (c *Cell) Machine(name string) (Machine, bool) {
	return find(c.Machines, func(m Machine) bool { return m.Name == name })
}

// Mode returns the mode of that name, or false.
func (c *Cell) Mode(name string) (Mode, bool) {
	return find(c.Modes, func(m Mode) bool { return m.Name == name })
}

// NIC returns the machine's interface on a network, or false.
func (m *Machine) NIC(network string) (NIC, bool) {
	return find(m.NICs, func(n NIC) bool { return n.Network == network })
}

func find[T any](all []T, is func(T) bool) (T, bool) {
	for _, one := range all {
		if is(one) {
			return one, true
		}
	}
	var none T
	return none, false
}
