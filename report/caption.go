package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/testbed"
)

// caption says what was measured: the workload and how often.
func caption(t testbed.TestResult) string {
	parts := []string{protocolText(t.Protocol), fmt.Sprintf("%d B request, %d B response", t.Request, t.Response)}
	parts = append(parts, settingsTexts(t)...)
	parts = append(parts, roundsText(t))
	if isCounted(t) {
		parts = append(parts, countedCaption)
	}
	if t.Load != nil {
		parts = append(parts, fmt.Sprintf("%s load of %s/s, timed from the intended send", t.Load.Schedule, grouped(t.Load.Rate, fraction(t.Load.Rate))))
	}
	return strings.Join(parts, " · ")
}

// fraction keeps a declared rate's first decimal where it has one.
func fraction(v float64) int {
	if v == float64(int64(v)) {
		return 0
	}
	return 1
}

func protocolText(protocol string) string {
	switch protocol {
	case "tcp_rr":
		return "TCP request/response"
	case "udp_rr":
		return "UDP request/response"
	case "tcp_crr":
		return "TCP connect/request/response"
	}
	return protocol
}

// settingsTexts name what differs from the default workload.
func settingsTexts(t testbed.TestResult) []string {
	s, texts := t.Settings, []string{}
	if s.Connections > 1 {
		texts = append(texts, count(s.Connections, "connection"))
	}
	if !s.NoDelay && strings.HasPrefix(t.Protocol, "tcp") {
		texts = append(texts, "Nagle on")
	}
	if s.BusyPoll > 0 {
		texts = append(texts, "busy poll "+pause(t, s.BusyPoll))
	}
	if s.CPU != nil {
		texts = append(texts, "CPU "+strconv.Itoa(*s.CPU))
	}
	if s.Priority > 0 {
		texts = append(texts, "SCHED_FIFO "+strconv.Itoa(s.Priority))
	}
	return texts
}

// shortDuration writes a declared time as a person does: "50 µs", "20 ms".
func shortDuration(ns int64) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{time.Second, " s"}, {time.Millisecond, " ms"}, {time.Microsecond, " µs"}} {
		if ns >= int64(unit.length) {
			return strconv.FormatFloat(float64(ns)/float64(unit.length), 'g', 4, 64) + unit.name
		}
	}
	return strconv.FormatInt(ns, 10) + " ns"
}

func roundsText(t testbed.TestResult) string {
	if isCounted(t) {
		return countedRounds(t)
	}
	text := count(t.Rounds, "round") + " of " + blockLength(t.Block)
	if t.Boots > 1 {
		text = count(t.Boots, "boot") + ", " + text
	}
	return text
}

// stoppingNote says how a test ended that stops by itself.
func stoppingNote(t testbed.TestResult) []string {
	s := t.Stopping
	if s == nil {
		return nil
	}
	text := ""
	switch {
	case s.Reached:
		text = "stopped after " + count(t.Rounds, "round")
	case t.Rounds >= s.MaxRounds:
		text = count(t.Rounds, "round") + ", the maximum"
	default:
		text = fmt.Sprintf("ended after %s of %d at most", count(t.Rounds, "round"), s.MaxRounds)
	}
	switch {
	case s.Width > 0:
		text += ": widest interval " + sharePercent(s.Width)
	case s.Reached:
		text += ": no mode to compare"
	default:
		text += ": a mode has no interval"
	}
	if s.Mode != "" {
		text += " (" + s.Mode + ")"
	}
	return []string{text + ", " + sharePercent(s.Precision) + " asked for"}
}
