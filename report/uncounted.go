package report

import "fmt"

// uncounted is why a mode's instructions were not counted by function, where they were to
// be.
func (s *series) uncounted() string {
	for _, round := range s.samples {
		for _, one := range round {
			if one.Uncounted != "" {
				return one.Uncounted
			}
		}
	}
	return ""
}

// uncounted warns of that once, for it is the machine that cannot.
func (t *trial) uncounted() []string {
	for _, s := range t.series {
		if why := s.uncounted(); why != "" {
			return []string{fmt.Sprintf("%s: no instructions by function: %s", t.title(), why)}
		}
	}
	return nil
}
