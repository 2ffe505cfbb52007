package hcl

import (
	"github.com/testbed-lab/testbed/testbed"
)

// sockperfLeast is the smallest message of sockperf, which holds its header.
const sockperfLeast = 14

// closedLoops are what is run of the tools, which have other workloads too.
var closedLoops = map[string]string{"netperf": "request/response", "sockperf": "ping-pong"}

// checkEngine says what the tool that is to measure beside our own loop cannot
// do of what the test asks for.
func checkEngine(f *fields, t testbed.Test) {
	if t.Engine != "netperf" && t.Engine != "sockperf" {
		return
	}
	if t.Connections > 1 && f.ok("connections") {
		f.reject("connections", "One connection", "%s measures one connection, and its figures would stand beside those of %d. Write connections = 1, or leave \"engine\" out.", t.Engine, t.Connections)
	}
	if t.Load != nil && f.ok("rate") {
		f.reject("rate", "No open loop", "Of %s only %s is run here, which sends when the answer is there, and \"rate\" asks for an open loop. Leave \"rate\" out, or \"engine\".", t.Engine, closedLoops[t.Engine])
	}
	if t.Engine == "netperf" {
		if t.BusyPoll > 0 && f.ok("busy_poll") {
			f.reject("busy_poll", "No busy polling", "netperf cannot set SO_BUSY_POLL; sockperf can. Write engine = \"sockperf\", or leave \"busy_poll\" out.")
		}
		return
	}
	checkSockperf(f, t)
}

func checkSockperf(f *fields, t testbed.Test) {
	if t.Protocol == "tcp_crr" && f.ok("protocol") {
		f.reject("protocol", "No such workload", "sockperf has nothing like tcp_crr; netperf has. Write engine = \"netperf\".")
	}
	if !f.ok("request", "response", "engine") {
		return
	}
	most := max(t.Request, t.Response)
	switch {
	case most > maxDatagram:
		f.reject(sizeOf(f, t, most), "Bad size", "A message of sockperf has %d bytes at most, over TCP too.", maxDatagram)
	case t.Request != t.Response || most < sockperfLeast:
		fits := max(most, sockperfLeast)
		f.reject(sizeOf(f, t, min(t.Request, t.Response)), "Bad size",
			"A message of sockperf has %d bytes or more, and is as long back as there. Write request = %d and response = %d.", sockperfLeast, fits, fits)
	}
}

// sizeOf is the argument that has a size, or else the engine, which does not get
// along with the default.
func sizeOf(f *fields, t testbed.Test, size int) string {
	switch {
	case t.Request == size && f.set("request"):
		return "request"
	case t.Response == size && f.set("response"):
		return "response"
	}
	return "engine"
}
