package evidence

import (
	"cmp"
	"strings"
)

// CountEvents reads the text of an [Events] pass: how often each event was, by
// "EVENT DEVICE", and for softirqs by "EVENT NAME", of which only those of the
// network count.
func CountEvents(text string) map[string]int64 {
	counts := map[string]int64{}
	for line := range strings.Lines(text) {
		if event, rest, is := eventLine(line); is {
			if key := eventKey(event, rest); key != "" {
				counts[key]++
			}
		}
	}
	return counts
}

// eventLine reads one of the trace's, such as
//
//	testbed-agent-123 [000] b..2. 71.204: net_dev_queue: dev=eth1 skbaddr=000 len=67
func eventLine(line string) (event, rest string, is bool) {
	_, rest, _ = strings.Cut(line, "] ")
	_, rest, _ = strings.Cut(rest, ": ")
	return strings.Cut(strings.TrimSpace(rest), ": ")
}

func eventKey(event, rest string) string {
	switch event {
	case "softirq_raise", "softirq_entry":
		_, name, _ := strings.Cut(rest, "[action=")
		if name, _, is := strings.Cut(name, "]"); is && strings.HasPrefix(name, "NET_") {
			return event + " " + name
		}
		return ""
	case "napi_poll":
		_, device, _ := strings.Cut(rest, "for device ")
		device, _, _ = strings.Cut(device, " ")
		return event + " " + cmp.Or(device, "(no device)")
	}
	if device := deviceOf(rest); device != "" {
		return event + " " + device
	}
	return ""
}

// deviceOf is the device that an event names: "dev=eth1 skbaddr=000 len=67".
func deviceOf(rest string) string {
	for field := range strings.FieldsSeq(rest) {
		if device, is := strings.CutPrefix(field, "dev="); is {
			return device
		}
	}
	return ""
}
