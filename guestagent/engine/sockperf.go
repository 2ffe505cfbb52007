package engine

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

const (
	// sockperfLeast is its smallest message, which holds its header.
	sockperfLeast = 14
	// sockperfUnused is what sockperf leaves out of the time that it is told to
	// run: 400 ms at the start and 50 ms at the end.
	sockperfUnused = 450 * time.Millisecond
)

// sockperf is the client's command line. Without --full-rtt it prints halves of
// round trips.
func (c *Config) sockperf(local netip.Addr, server Target) []string {
	return append(c.sockperfBoth("ping-pong", server.Address), "--client_ip", local.String(),
		"-t", strconv.Itoa(c.seconds()), "--full-rtt", "--msg-size", strconv.Itoa(c.Test.Request))
}

// sockperfBoth are the arguments that both ends share. It sets TCP_NODELAY
// unless told otherwise.
func (c *Config) sockperfBoth(verb string, address netip.AddrPort) []string {
	arguments := []string{verb, "-i", address.Addr().String(), "-p", port(address.Port())}
	if !c.udp() {
		arguments = append(arguments, "--tcp")
		if !c.Test.NoDelay {
			arguments = append(arguments, "--tcp-avoid-nodelay")
		}
	}
	if c.Test.BusyPoll > 0 {
		arguments = append(arguments, "--lls", strconv.FormatInt(c.Test.BusyPoll.Microseconds(), 10))
	}
	return arguments
}

var (
	escape          = regexp.MustCompile(`\x1b\[[0-9;]*m|\r`)
	sockperfVersion = regexp.MustCompile(`version #(\S+)`)
	sockperfValid   = regexp.MustCompile(`\[Valid Duration\] RunTime=([0-9.]+) sec; SentMessages=\d+; ReceivedMessages=(\d+)`)
	sockperfMean    = regexp.MustCompile(`avg-rtt=\s*([0-9.]+)`)
	sockperfLost    = regexp.MustCompile(`dropped messages = (\d+); # duplicated messages = (\d+)`)
	sockperfMax     = regexp.MustCompile(`<MAX> observation =\s*([0-9.]+)`)
	sockperfMin     = regexp.MustCompile(`<MIN> observation =\s*([0-9.]+)`)
	sockperfRank    = regexp.MustCompile(`percentile ([0-9.]+) =\s*([0-9.]+)`)
)

// plain takes the colours out, which sockperf prints to a pipe as well.
func plain(text string) string { return escape.ReplaceAllString(text, "") }

// parseSockperf reads sockperf's figures, in µs. It ends with status 0 whatever
// happened, so figures that are not there are the only sign of a failure.
func parseSockperf(output string) (Result, error) {
	output = plain(output)
	valid, lost := sockperfValid.FindStringSubmatch(output), sockperfLost.FindStringSubmatch(output)
	mean, least, most := sockperfMean.FindStringSubmatch(output), sockperfMin.FindStringSubmatch(output), sockperfMax.FindStringSubmatch(output)
	if valid == nil || lost == nil || mean == nil || least == nil || most == nil {
		return Result{}, fmt.Errorf("read sockperf's figures: there are none; %s", lastOf(output))
	}
	result := Result{
		Elapsed:      time.Duration(math.Round(number(valid[1]) * 1e9)),
		Transactions: int64(number(valid[2])),
		Mean:         number(mean[1]) * 1e3,
		Min:          int64(math.Round(number(least[1]) * 1e3)), Max: int64(math.Round(number(most[1]) * 1e3)),
		Lost: int64(number(lost[1])), Duplicates: int64(number(lost[2])),
		Figures: proto.Figures{Percentiles: map[string]float64{}},
	}
	names := map[string]string{"50.000": "p50", "90.000": "p90", "99.000": "p99", "99.900": "p999"}
	for _, found := range sockperfRank.FindAllStringSubmatch(output, -1) {
		if name := names[found[1]]; name != "" {
			result.Figures.Percentiles[name] = math.Round(number(found[2]) * 1e3)
		}
	}
	if found := sockperfVersion.FindStringSubmatch(output); found != nil {
		result.Figures.Version = found[1]
	}
	if result.Transactions == 0 || result.Figures.Percentiles["p50"] == 0 {
		return Result{}, fmt.Errorf("read sockperf's figures: it saw no answer; %s", lastOf(output))
	}
	return result, nil
}

// number is what a pattern of digits and points matched; 0 if it is none.
func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return value
}
