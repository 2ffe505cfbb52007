package evidence

import (
	"bufio"
	"regexp"
	"strings"
)

// eventLine is one of the trace's, such as
//
//	testbed-agent-123 [000] b..2. 71.204: net_dev_queue: dev=eth1 skbaddr=000 len=67
var eventLine = regexp.MustCompile(`^\s*.+-\d+\s+\[\d+\]\s+\S+\s+\d+\.\d+: (\w+): (.*)$`)

var (
	eventDevice = regexp.MustCompile(`\bdev=(\S+)`)
	pollDevice  = regexp.MustCompile(`for device (\S+)`)
	softirqName = regexp.MustCompile(`\[action=(\w+)\]`)
)

// CountEvents reads the text of an [Events] pass: how often each event was, by
// "EVENT DEVICE", and for softirqs by "EVENT NAME", of which only those of the
// network count.
func CountEvents(text string) map[string]int64 {
	counts := map[string]int64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if found := eventLine.FindStringSubmatch(lines.Text()); found != nil {
			if key := eventKey(found[1], found[2]); key != "" {
				counts[key]++
			}
		}
	}
	return counts
}

func eventKey(event, rest string) string {
	switch event {
	case "softirq_raise", "softirq_entry":
		if name := softirqName.FindStringSubmatch(rest); name != nil && strings.HasPrefix(name[1], "NET_") {
			return event + " " + name[1]
		}
		return ""
	case "napi_poll":
		if device := pollDevice.FindStringSubmatch(rest); device != nil {
			return event + " " + device[1]
		}
		return event + " (no device)"
	}
	if device := eventDevice.FindStringSubmatch(rest); device != nil {
		return event + " " + device[1]
	}
	return ""
}
