package libvirt

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"

	"github.com/testbed-lab/testbed/provision"
)

// Remembered is a hypervisor on another computer on which this user has labs, as far as
// this computer knows.
type Remembered struct {
	Connect string   // Its URI.
	Labs    []string // By their names.
	Folder  string   // Of what is known of it.
}

// Remember lists those of an owner in the state directory; both may be empty, as in
// [Options]. What libvirt has there is not asked. A state that cannot be read is left
// out: there is nothing to connect to in it.
func Remember(stateDir, owner string) ([]Remembered, error) {
	if stateDir == "" {
		var err error
		if stateDir, err = stateFolder(); err != nil {
			return nil, err
		}
	}
	pattern := filepath.Join(stateDir, "labs", abroad(cmp.Or(owner, provision.Owner()))+"@"+farScope+"*")
	folders, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	known := map[string]Remembered{}
	for _, folder := range folders {
		s := stateStore{folder: folder}
		names, err := s.names()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			kept, err := s.load(name)
			if err != nil || kept.Connect == "" {
				continue
			}
			r := known[kept.Connect]
			known[kept.Connect] = Remembered{Connect: kept.Connect, Labs: append(r.Labs, kept.Lab), Folder: folder}
		}
	}
	var all []Remembered
	for _, connect := range slices.Sorted(maps.Keys(known)) {
		all = append(all, known[connect])
	}
	return all, nil
}
