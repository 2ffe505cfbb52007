// Package progress is how work says how far it is: a stream of events with no
// opinion on how they are drawn. The command line draws them.
package progress

import "time"

// State of a step.
type State string

// The states. A step starts, may advance, and ends as done, failed or skipped.
// A note belongs to no step.
const (
	Started State = "started"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
	Skipped State = "skipped"
	Note    State = "note"
)

// Event is one change in the state of a step.
type Event struct {
	Time  time.Time `json:"time"`
	Step  string    `json:"step"` // Such as "download linux-image-6.12.41-amd64" or "boot client".
	State State     `json:"state"`
	// Current and Total measure a running step in Unit ("bytes", "blocks"); Total is 0 where unknown.
	Current int64  `json:"current,omitempty"`
	Total   int64  `json:"total,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Detail  string `json:"detail,omitempty"` // What a person may want to know: "round 3/10, ipvlan_l2".
	// Seconds the step took, once it ended.
	Seconds float64 `json:"seconds,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Sink receives events, from several goroutines at once. A nil Sink discards.
type Sink func(Event)

// Emit sends an event, stamped with the time where it has none.
func (s Sink) Emit(e Event) {
	if s == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	s(e)
}

// Note says something outside any step.
func (s Sink) Note(text string) { s.Emit(Event{State: Note, Detail: text}) }

// Do runs one step and reports its start, end and time.
func (s Sink) Do(step string, do func() error) error {
	start := time.Now()
	s.Emit(Event{Step: step, State: Started})
	err := do()
	end := Event{Step: step, State: Done, Seconds: time.Since(start).Seconds()}
	if err != nil {
		end.State, end.Error = Failed, err.Error()
	}
	s.Emit(end)
	return err
}

// Skip reports a step that had nothing to do, and why.
func (s Sink) Skip(step, why string) {
	s.Emit(Event{Step: step, State: Skipped, Detail: why})
}
