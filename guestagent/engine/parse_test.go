package engine

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

func recorded(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name + ".txt")
	require.NoError(t, err)
	return string(content)
}

// The files are what netperf 2.7.0 and sockperf 3.7 printed, on one machine.
func TestParseNetperf(t *testing.T) {
	got, err := parseNetperf(recorded(t, "netperf-tcp_rr"))
	require.NoError(t, err)
	require.Equal(t, Result{
		Transactions: 31832, Elapsed: 1002679945, Mean: 31420, Min: 16000, Max: 15174000,
		Counters: map[string]int64{"tcp_retrans_segs": 0},
		Figures:  proto.Figures{Percentiles: map[string]float64{"p50": 17000, "p90": 63000, "p99": 171000}},
	}, got)

	got, err = parseNetperf(recorded(t, "netperf-udp_rr"))
	require.NoError(t, err)
	require.EqualValues(t, 30226, got.Transactions)
	require.Nil(t, got.Counters, "-1 is not a count")

	got, err = parseNetperf(recorded(t, "netperf-tcp_crr"))
	require.NoError(t, err)
	require.InDelta(t, 7646.488, float64(got.Transactions)/got.Elapsed.Seconds(), 0.001, "its own rate")
}

func TestParseSockperf(t *testing.T) {
	text := recorded(t, "sockperf-tcp_rr")
	require.Contains(t, text, "\x1b[", "recorded with its colours")
	got, err := parseSockperf(text)
	require.NoError(t, err)
	require.Equal(t, 550*time.Millisecond, got.Elapsed)
	require.Equal(t, "3.7-no.git", got.Figures.Version)
	require.Len(t, got.Figures.Percentiles, 4)
	for name, of := range map[string]string{"p50": "percentile 50.000", "p90": "percentile 90.000", "p99": "percentile 99.000", "p999": "percentile 99.900"} {
		_, rest, _ := strings.Cut(text, of+" = ")
		require.InDelta(t, number(strings.Fields(rest)[0])*1e3, got.Figures.Percentiles[name], 1e-6, name)
	}
	require.Less(t, float64(got.Min), got.Mean)
	require.Less(t, got.Mean, float64(got.Max))
	require.Greater(t, got.Transactions, int64(10000))
	require.Zero(t, got.Lost)

	got, err = parseSockperf(strings.Replace(text, "dropped messages = 0; # duplicated messages = 0", "dropped messages = 3; # duplicated messages = 2", 1))
	require.NoError(t, err)
	require.EqualValues(t, 3, got.Lost)
	require.EqualValues(t, 2, got.Duplicates)
}

func TestOutputWithoutFigures(t *testing.T) {
	for name, test := range map[string]struct {
		parse func(string) (Result, error)
		text  string
		want  string
	}{
		"netperf refused":        {parseNetperf, recorded(t, "netperf-refused"), "are you sure there is a netserver"},
		"netperf silent":         {parseNetperf, "", "no P50_LATENCY; it said nothing"},
		"netperf without timing": {parseNetperf, strings.Replace(recorded(t, "netperf-tcp_rr"), "P50_LATENCY=17", "P50_LATENCY=-1", 1), "no P50_LATENCY"},
		"netperf cut short":      {parseNetperf, strings.Split(recorded(t, "netperf-tcp_rr"), "TRANS")[0], "no TRANSACTION_RATE"},
		"netperf no number":      {parseNetperf, strings.Replace(recorded(t, "netperf-tcp_rr"), "MEAN_LATENCY=31", "MEAN_LATENCY=x31", 1), "no MEAN_LATENCY"},
		"sockperf refused":       {parseSockperf, recorded(t, "sockperf-tcp-refused"), "Can`t connect socket (errno=111 Connection refused)"},
		"sockperf unanswered":    {parseSockperf, recorded(t, "sockperf-udp-refused"), "Is the server down?"},
		"sockperf silent":        {parseSockperf, "", "there are none; it said nothing"},
		"sockperf cut short":     {parseSockperf, strings.Split(recorded(t, "sockperf-udp_rr"), "---> percentile")[0], "there are none"},
	} {
		_, err := test.parse(test.text)
		require.ErrorContains(t, err, test.want, name)
		require.NotErrorIs(t, err, ErrUnsupported, name)
	}
}

func test(protocol string) proto.Test {
	return proto.Test{Protocol: protocol, Request: 14, Response: 14, NoDelay: true, Duration: 250 * time.Millisecond}
}

func TestCommandLines(t *testing.T) {
	local := netip.MustParseAddr("10.77.0.1")
	server := Target{Address: netip.MustParseAddrPort("10.77.0.2:4000"), Control: 4001}
	line := func(engine string, t proto.Test) string {
		c := Config{Engine: engine, Test: t}
		if engine == Netperf {
			return strings.ReplaceAll(strings.Join(c.netperf(local, server), " "), selectors, "…")
		}
		return strings.Join(c.sockperf(local, server), " ")
	}
	tcp, counted := test("tcp_rr"), test("tcp_rr")
	tcp.NoDelay, tcp.Duration, tcp.BusyPoll = false, 1500*time.Millisecond, 50*time.Microsecond
	counted.Transactions = 2000
	for want, got := range map[string]string{
		"-4 -H 10.77.0.2 -p 4001 -L 10.77.0.1 -t TCP_RR -l 1 -P 0 -- -r 14,14 -P 0,4000 -k … -D":     line(Netperf, test("tcp_rr")),
		"-4 -H 10.77.0.2 -p 4001 -L 10.77.0.1 -t UDP_RR -l 1 -P 0 -- -r 14,14 -P 0,4000 -k …":        line(Netperf, test("udp_rr")),
		"-4 -H 10.77.0.2 -p 4001 -L 10.77.0.1 -t TCP_CRR -l 1 -P 0 -- -r 14,14 -P 0,4000 -k … -D":    line(Netperf, test("tcp_crr")),
		"-4 -H 10.77.0.2 -p 4001 -L 10.77.0.1 -t TCP_RR -l 2 -P 0 -- -r 14,14 -P 0,4000 -k …":        line(Netperf, tcp),
		"-4 -H 10.77.0.2 -p 4001 -L 10.77.0.1 -t TCP_RR -l -2000 -P 0 -- -r 14,14 -P 0,4000 -k … -D": line(Netperf, counted),
		"ping-pong -i 10.77.0.2 -p 4000 --tcp --client_ip 10.77.0.1 -t 1 --full-rtt --msg-size 14":   line(Sockperf, test("tcp_rr")),
		"ping-pong -i 10.77.0.2 -p 4000 --client_ip 10.77.0.1 -t 1 --full-rtt --msg-size 14":         line(Sockperf, test("udp_rr")),
		"ping-pong -i 10.77.0.2 -p 4000 --tcp --tcp-avoid-nodelay --lls 50 --client_ip 10.77.0.1 -t 2 --full-rtt --msg-size 14": line(
			Sockperf, tcp),
	} {
		require.Equal(t, want, got)
	}
}

func TestUnsupported(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"has one connection":                func(c *Config) { c.Test.Connections = 2 },
		"closed loop only":                  func(c *Config) { c.Test.Rate = 10 },
		"cannot set SO_BUSY_POLL":           func(c *Config) { c.Engine, c.Test.BusyPoll = Netperf, 1 },
		"sockperf has no tcp_crr":           func(c *Config) { c.Test.Protocol = "tcp_crr" },
		"after 5 transactions":              func(c *Config) { c.Test.Transactions = 5 },
		"a request of 13":                   func(c *Config) { c.Test.Request, c.Test.Response = 13, 13 },
		"as long back as there":             func(c *Config) { c.Test.Response = 15 },
		"a request of 70000":                func(c *Config) { c.Test.Request, c.Test.Response = 70000, 70000 },
		"sockperf's messages have 14 to 65": func(c *Config) { c.Test.Request = 1 },
	} {
		c := Config{Engine: Sockperf, Test: test("tcp_rr")}
		require.NoError(t, c.able())
		change(&c)
		err := c.Prepare(proto.Client)
		require.ErrorIs(t, err, ErrUnsupported)
		require.ErrorContains(t, err, want)
	}
}

func TestListens(t *testing.T) {
	const tcp = "  sl  local_address rem_address   st tx_queue rx_queue\n" +
		"   0: 01004D0A:5208 00000000:0000 0A 00000000:00000000\n" +
		"   1: 01004D0A:5209 02004D0A:0016 01 00000000:00000000\n"
	at := netip.MustParseAddrPort
	require.True(t, listens(tcp, "tcp", at("10.77.0.1:21000")))
	require.False(t, listens(tcp, "tcp", at("10.77.0.1:21001")), "established")
	require.False(t, listens(tcp, "tcp", at("10.77.0.2:21000")))
	require.False(t, listens(tcp, "udp", at("10.77.0.1:21000")))
	require.False(t, listens("", "tcp", at("10.77.0.1:21000")))
}
