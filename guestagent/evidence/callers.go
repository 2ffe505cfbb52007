package evidence

// Frame is a function below those that called it, in a tree that is written from its
// root down: what it called follows it, a depth further in.
type Frame struct {
	Depth int
	Name  string
	Calls int // Of this function, there, in all of a trace's transactions.
}

// place is a function below those that called it.
type place struct {
	name     string
	network  bool // Of the network's stack, or of a module.
	within   int  // How many of the network's functions it is in, itself among them.
	above    *place
	below    []*place // In the order in which they were first called.
	byName   map[string]*place
	calls    int // In whole transactions; see [Trace.Callers].
	together int // With those below.
}

func (p *place) child(name string, module bool) *place {
	if found := p.byName[name]; found != nil {
		return found
	}
	made := &place{name: name, network: module || ofStack(name), above: p, within: p.within}
	if made.network {
		made.within++
	}
	if p.byName == nil {
		p.byName = map[string]*place{}
	}
	p.byName[name], p.below = made, append(p.below, made)
	return made
}

// Callers are all calls, by who called whom.
func (t Trace) Callers() (all []Frame) {
	var root *place
	for _, steps := range t.cycles {
		for _, one := range steps {
			if one.Device == "" {
				one.place.calls++
			}
			for root = one.place; root.above != nil; root = root.above {
			}
		}
	}
	if root == nil {
		return nil
	}
	root.count()
	for _, child := range root.below {
		all = child.frames(0, all)
	}
	return all
}

// count adds up what is below.
func (p *place) count() int {
	p.together = p.calls
	for _, child := range p.below {
		p.together += child.count()
	}
	return p.together
}

// frames leave out what was called before the first transaction alone.
func (p *place) frames(depth int, all []Frame) []Frame {
	if p.together == 0 {
		return all
	}
	all = append(all, Frame{depth, p.name, p.calls})
	for _, child := range p.below {
		all = child.frames(depth+1, all)
	}
	return all
}

// Network is the transactions as they are where the network's functions alone are
// traced: calls of others are left out, and count for no depth.
func (t Trace) Network() (all []Cycle) {
	for _, steps := range t.cycles {
		var cycle Cycle
		for _, one := range steps {
			if one.Device == "" && !one.place.network {
				continue
			}
			call := one.Call
			call.Depth = one.place.within
			if one.Device == "" {
				call.Depth--
			}
			cycle = append(cycle, call)
		}
		all = append(all, cycle)
	}
	return all
}
