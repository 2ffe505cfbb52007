package terminal

import "time"

// meterSpan is how much of the past a rate is taken over: long enough to be
// steady, short enough to follow a network that slows down.
const meterSpan = 8 * time.Second

// meter tells how fast a step goes, from what it reported lately.
type meter struct {
	samples []sample
}

type sample struct {
	at    time.Time
	value int64
}

func (m *meter) add(at time.Time, value int64) {
	if n := len(m.samples); n > 0 && value < m.samples[n-1].value {
		m.samples = m.samples[:0] // It began again.
	}
	m.samples = append(m.samples, sample{at, value})
	// One sample older than the span stays, as the start of the span.
	for len(m.samples) > 2 && at.Sub(m.samples[1].at) >= meterSpan {
		m.samples = m.samples[1:]
	}
}

// rate is in units a second; 0 while it is not known. Time that passes without
// news lowers it.
func (m *meter) rate(now time.Time) float64 {
	n := len(m.samples)
	if n < 2 {
		return 0
	}
	first, last := m.samples[0], m.samples[n-1]
	seconds := last.at.Sub(first.at).Seconds()
	if silent := now.Sub(last.at).Seconds(); silent > 1 {
		seconds += silent
	}
	if seconds < 0.3 {
		return 0 // Too short for anything but noise.
	}
	return float64(last.value-first.value) / seconds
}

// left is how long what remains will take, and whether that can be said.
func (m *meter) left(now time.Time, total int64) (time.Duration, bool) {
	rate := m.rate(now)
	if rate <= 0 {
		return 0, false
	}
	remaining := total - m.samples[len(m.samples)-1].value
	seconds := float64(remaining) / rate
	if remaining < 0 || seconds > 99*3600 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
