package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Seen is a change point that a check has reported.
type Seen struct {
	Result string    `json:"result"` // Where the new level began, as it was found then.
	Slower bool      `json:"slower"`
	At     time.Time `json:"at"` // Of the check, UTC.
}

// same is how many points a change may move, as another night is known, and still be the
// one that was seen.
const same = 5

// markNew says of each change whether a check has reported it: one of the same direction,
// at most so many points away, each for one change. What has been seen moves along.
func (s *Series) markNew(seen []Seen) {
	s.seen = slices.Clone(seen)
	taken := make([]bool, len(seen))
	for i := range s.Changes {
		c := &s.Changes[i]
		best, distance := -1, same+1
		for k, old := range seen {
			at := slices.IndexFunc(s.Points, func(p Point) bool { return p.Result == old.Result })
			if away := max(c.Index-at, at-c.Index); at >= 0 && !taken[k] && old.Slower == c.Slower() && away < distance {
				best, distance = k, away
			}
		}
		if c.New = best < 0; c.New {
			s.seen = append(s.seen, Seen{Result: c.Result, Slower: c.Slower(), At: time.Now().UTC()})
			continue
		}
		taken[best] = true
		s.seen[best].Result = c.Result
	}
}

// Seen is what checks have reported, by series.
func (s *Store) Seen() (map[string][]Seen, error) {
	all := map[string][]Seen{}
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket(seenBucket).ForEach(func(id, text []byte) error {
			var seen []Seen
			if err := json.Unmarshal(text, &seen); err != nil {
				return fmt.Errorf("read what was seen of series %s in history %q: %w", id, s.path, err)
			}
			all[string(id)] = seen
			return nil
		})
	})
	return all, err
}

// Remember stores that the changes of some judged series have been reported.
func (s *Store) Remember(series []Series) error {
	err := s.update(func(tx *bolt.Tx) error {
		for _, one := range series {
			if len(one.seen) == 0 {
				continue
			}
			if err := put(tx.Bucket(seenBucket), one.ID, one.seen); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write history %q: %w", s.path, err)
	}
	return nil
}
