package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/testbed-lab/testbed/history/changepoint"
	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

// Series is one metric of one mode of one test in one cell of one lab, on rigs that may
// be compared and under conditions that are the same, over results by when they began.
type Series struct {
	// ID is short, and the same for as long as nothing of what makes a series changes.
	ID         string            `json:"id"`
	Lab        string            `json:"lab"`
	Test       string            `json:"test"`
	Cell       map[string]string `json:"cell"`
	Mode       string            `json:"mode"`
	Metric     string            `json:"metric"`
	Unit       string            `json:"unit"` // ns, instructions, or "" of a ratio.
	Rig        []report.Common   `json:"rig"`
	Conditions []report.Common   `json:"conditions"`
	Points     []Point           `json:"points"`
	Changes    []Change          `json:"changes"` // In order; filled in by Judge.
	// TooShort says that there are too few points to find any change in.
	TooShort bool `json:"too_short"`
	// Latest says that the newest result of the same lab, test, cell and rig has the figure.
	Latest bool `json:"latest"`

	seen []Seen // What checks will have reported when this one has.
}

// Point is one result's figure in a series.
type Point struct {
	Result  string    `json:"result"` // ID.
	Started time.Time `json:"started"`
	Kernels []string  `json:"kernels"`
	Value   float64   `json:"value"`
	Lo      *float64  `json:"lo"` // 95% interval; null without one.
	Hi      *float64  `json:"hi"`
}

// Change is a change point of a series.
type Change struct {
	Index  int    `json:"index"`  // Of the first point of the new level.
	Result string `json:"result"` // That point's.
	// Before and After are the levels, in the series' unit; Change is the relative
	// difference, 0.02 for 2% more.
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Change float64 `json:"change"`
	P      float64 `json:"p"`   // See [changepoint.Point].
	New    bool    `json:"new"` // No earlier check has reported it.
}

// Slower says that the new level is the higher one: of every metric here that is worse.
func (c Change) Slower() bool { return c.Change > 0 }

// SeriesOf sorts results into series, by lab, test, cell, mode, metric and rig.
func SeriesOf(results []Result) []Series {
	results = slices.Clone(results)
	slices.SortFunc(results, func(a, b Result) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	all, newest := map[string]*Series{}, map[string]string{}
	for _, r := range results {
		for _, t := range r.Tests {
			of := Series{Lab: r.Lab, Test: t.Name, Cell: t.Cell, Rig: t.Rig, Conditions: t.Conditions}
			group := of.group()
			newest[group] = r.ID
			for _, f := range t.Figures {
				id := key(group, f.Mode, f.Metric, f.Unit)
				if all[id] == nil {
					of.ID, of.Mode, of.Metric, of.Unit, of.Changes = id[:10], f.Mode, f.Metric, f.Unit, []Change{}
					started := of
					all[id] = &started
				}
				all[id].Points = append(all[id].Points, Point{r.ID, r.Started, t.Kernels, f.Value, f.Lo, f.Hi})
			}
		}
	}
	series := []Series{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		s := *all[id]
		s.Latest = s.Points[len(s.Points)-1].Result == newest[s.group()]
		series = append(series, s)
	}
	slices.SortStableFunc(series, func(a, b Series) int {
		return cmp.Or(cmp.Compare(a.Lab, b.Lab), cmp.Compare(a.Test, b.Test), cmp.Compare(key(a.Cell), key(b.Cell)), cmp.Compare(key(a.Rig, a.Conditions), key(b.Rig, b.Conditions)),
			cmp.Compare(slices.Index(Metrics, a.Metric), slices.Index(Metrics, b.Metric)), cmp.Compare(a.Mode, b.Mode))
	})
	return series
}

// group is what the series of one test in one cell on one rig share.
func (s Series) group() string { return key(s.Lab, s.Test, s.Cell, s.Rig, s.Conditions) }

// key is a digest of what makes up a series: JSON keeps hostile names apart.
func key(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // Strings and maps of strings.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// The least changes where none is asked for. A count repeats exactly, so that one that
// differs is a change; a fresh seed moves it a little (docs/icount.md).
const (
	MinChangeTimes  = 0.02
	MinChangeCounts = 0.005
)

// Judging says what counts as a change.
type Judging struct {
	// MinChange is the least relative change. nil: MinChangeTimes, and MinChangeCounts
	// where instructions are counted.
	MinChange *float64
	MaxP      float64 // Of a change, corrected for its places. 0: changepoint.DefaultMaxP.
}

func (j Judging) options(unit string) changepoint.Options {
	o := changepoint.Options{MaxP: j.MaxP, MinChange: MinChangeTimes}
	if unit == testbed.UnitInstructions {
		o.MinChange, o.MinSegment = MinChangeCounts, 1
	}
	if j.MinChange != nil {
		o.MinChange = *j.MinChange
	}
	return o
}

// Judged are the series of the store that are picked, with their changes, of as much of
// its results as counts.
func (s *Store) Judged(j Judging, only Only, picks func(Series) bool) ([]Series, error) {
	results, err := s.Results()
	if err != nil {
		return nil, err
	}
	seen, err := s.Seen()
	if err != nil {
		return nil, err
	}
	series := slices.DeleteFunc(SeriesOf(only.of(results)), func(one Series) bool { return !picks(one) })
	for i := range series {
		if err := series[i].Judge(j, seen[series[i].ID]); err != nil {
			return nil, fmt.Errorf("judge series %s of history %q: %w", series[i].ID, s.path, err)
		}
	}
	return series, nil
}

// Judge finds the changes of a series, all of them new but those seen by a check before.
func (s *Series) Judge(j Judging, seen []Seen) error {
	o := j.options(s.Unit)
	values := make([]float64, len(s.Points))
	for i, p := range s.Points {
		values[i] = p.Value
	}
	s.TooShort = len(values) < o.Needed()
	found, err := changepoint.Detect(values, o)
	if err != nil {
		return err
	}
	s.Changes = []Change{}
	for _, p := range found {
		s.Changes = append(s.Changes, Change{
			Index: p.Index, Result: s.Points[p.Index].Result, Before: p.Before, After: p.After, Change: p.Change(), P: p.P,
		})
	}
	s.markNew(seen)
	return nil
}
