package engine

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/rr"
)

// selectors are what netperf is asked to print, one NAME=VALUE a line. It leaves
// out a name that it does not know, without a word.
const selectors = "P50_LATENCY,P90_LATENCY,P99_LATENCY,MEAN_LATENCY,MIN_LATENCY,MAX_LATENCY," +
	"TRANSACTION_RATE,ELAPSED_TIME,LOCAL_SEND_CALLS,LOCAL_TRANSPORT_RETRANS"

// netperfTests by protocol. TCP_CRR connects anew for each transaction.
var netperfTests = map[string]string{rr.TCP: "TCP_RR", rr.UDP: "UDP_RR", tcpCRR: "TCP_CRR"}

// netperf is the client's command line. A negative -l is a number of
// transactions; the -P after "--" fixes the server's port of the data connection.
func (c *Config) netperf(local netip.Addr, server Target) []string {
	length := c.seconds()
	if c.Test.Transactions > 0 {
		length = -c.Test.Transactions
	}
	arguments := []string{
		"-4", "-H", server.Address.Addr().String(), "-p", port(server.Control), "-L", local.String(),
		"-t", netperfTests[c.Test.Protocol], "-l", strconv.Itoa(length), "-P", "0",
		"--", "-r", fmt.Sprintf("%d,%d", c.Test.Request, c.Test.Response),
		"-P", "0," + port(server.Address.Port()), "-k", selectors,
	}
	if c.Test.NoDelay && !c.udp() {
		arguments = append(arguments, "-D") // At both ends.
	}
	return arguments
}

func port(n uint16) string { return strconv.Itoa(int(n)) }

// parseNetperf reads netperf's figures, in µs. It prints the elapsed time to
// hundredths of a second only, so time is taken from the rate, which is the
// number of transactions, and of sends, by that time.
func parseNetperf(output string) (Result, error) {
	values := map[string]float64{}
	for line := range strings.Lines(output) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "=")
		if value, err := strconv.ParseFloat(text, 64); err == nil && value >= 0 { // -1 is "not known".
			values[name] = value
		}
	}
	for _, name := range []string{"P50_LATENCY", "MEAN_LATENCY", "MIN_LATENCY", "MAX_LATENCY", "TRANSACTION_RATE", "LOCAL_SEND_CALLS"} {
		if values[name] <= 0 && (name != "MIN_LATENCY" || len(values) == 0) {
			return Result{}, fmt.Errorf("read netperf's figures: there is no %s; %s", name, lastOf(output))
		}
	}
	result := Result{
		Transactions: int64(values["LOCAL_SEND_CALLS"]),
		Elapsed:      time.Duration(math.Round(values["LOCAL_SEND_CALLS"] / values["TRANSACTION_RATE"] * 1e9)),
		Mean:         values["MEAN_LATENCY"] * 1e3,
		Min:          int64(values["MIN_LATENCY"]) * 1e3, Max: int64(values["MAX_LATENCY"]) * 1e3,
		Figures: proto.Figures{Percentiles: map[string]float64{}},
	}
	for name, selector := range map[string]string{"p50": "P50_LATENCY", "p90": "P90_LATENCY", "p99": "P99_LATENCY"} {
		if value := values[selector]; value > 0 {
			result.Figures.Percentiles[name] = value * 1e3
		}
	}
	if retransmits, known := values["LOCAL_TRANSPORT_RETRANS"]; known {
		result.Counters = map[string]int64{"tcp_retrans_segs": int64(retransmits)}
	}
	return result, nil
}

var netperfSays = regexp.MustCompile(`(?i)netperf version (\S+)`)

// netperfVersion asks for it, after the measurement.
func (c *Config) netperfVersion(ctx context.Context) (string, error) {
	p, err := c.start(ctx, Netperf, "-V")
	if err != nil {
		return "", err
	}
	<-p.ended // Its exit status is not 0 in every version.
	if found := netperfSays.FindStringSubmatch(p.output.String()); found != nil {
		return found[1], nil
	}
	return "", p.failure("-V named no version")
}
