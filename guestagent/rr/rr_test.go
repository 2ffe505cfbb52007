package rr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/rr"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func config(protocol string) rr.Config {
	return rr.Config{Protocol: protocol, Request: 8, Response: 8, NoDelay: true, Transactions: 200}
}

// client runs against an address, with recorders of its own.
func client(ctx context.Context, c rr.Config, to netip.AddrPort) (rr.Result, *rr.Recorder, error) {
	recording := rr.NewRecording()
	result, err := rr.Run(ctx, c, loopback, to, recording)
	return result, recording.Main, err
}

func listen(t *testing.T, c rr.Config) *rr.Server {
	t.Helper()
	server, err := rr.Listen(t.Context(), c, netip.AddrPortFrom(loopback, 0))
	require.NoError(t, err)
	return server
}

func TestTransactions(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP} {
		for name, size := range map[string][2]int{
			"bytes": {1, 1}, "words": {4, 7}, "uneven": {3, 1000}, "large": {60_000, 60_000},
		} {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				c := config(protocol)
				c.Request, c.Response = size[0], size[1]
				server := listen(t, c)
				result, record, err := client(t.Context(), c, server.Address)
				require.NoError(t, err)
				served, err := server.Stop()
				require.NoError(t, err)
				require.Equal(t, int64(200), record.Count())
				require.Equal(t, int64(200), served.Transactions)
				require.Zero(t, result.Lost)
				require.Zero(t, result.Late)
				require.Equal(t, server.Address, result.Remote)
				require.True(t, result.Local.IsValid())
				require.Contains(t, result.Counters, "context_switches_voluntary")
				require.Contains(t, served.Counters, "softirq_net_rx")
			})
		}
	}
}

func TestDurationEndsABlock(t *testing.T) {
	c := config(rr.TCP)
	c.Transactions, c.Duration, c.Warmup = 0, 50*time.Millisecond, 20*time.Millisecond
	server := listen(t, c)
	recording := rr.NewRecording()
	result, err := rr.Run(t.Context(), c, loopback, server.Address, recording)
	warm, record := recording.Warm, recording.Main
	require.NoError(t, err)
	served, err := server.Stop()
	require.NoError(t, err)
	require.GreaterOrEqual(t, result.Elapsed, c.Duration)
	require.Positive(t, warm.Count())
	require.Equal(t, served.Transactions, warm.Count()+record.Count(), "the warm-up is stored apart")
	require.InEpsilon(t, float64(result.Elapsed), record.Mean()*float64(record.Count()), 0.01, "transactions tile the block")
}

func TestBadWorkloads(t *testing.T) {
	for name, change := range map[string]func(*rr.Config){
		"protocol": func(c *rr.Config) { c.Protocol = "sctp_rr" },
		"request":  func(c *rr.Config) { c.Request = 0 },
		"response": func(c *rr.Config) { c.Response = -1 },
		"datagram": func(c *rr.Config) { c.Protocol, c.Request = rr.UDP, rr.MaxDatagram+1 },
		"endless":  func(c *rr.Config) { c.Transactions = 0 },
		"both":     func(c *rr.Config) { c.Duration = time.Second },
		"cpu":      func(c *rr.Config) { c.CPU = 4096 },
		"enter":    func(c *rr.Config) { c.Enter = func() error { return errors.New("no way in") } },
	} {
		t.Run(name, func(t *testing.T) {
			c := config(rr.TCP)
			change(&c)
			_, _, err := client(t.Context(), c, netip.AddrPortFrom(loopback, 9))
			require.Error(t, err)
			_, err = rr.Listen(t.Context(), c, netip.AddrPortFrom(loopback, 0))
			require.Error(t, err)
		})
	}
}

func TestConnectionRefused(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := probe.Addr().(*net.TCPAddr).AddrPort()
	probe.Close()
	_, _, err = client(t.Context(), config(rr.TCP), closed)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "connect to "+closed.String())
	_, _, err = client(t.Context(), config(rr.UDP), closed)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// TestServerThatMisbehaves: what a TCP server may do in the middle.
func TestServerThatMisbehaves(t *testing.T) {
	for name, test := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"dies":         {func(c net.Conn) { echo(c, 5) }, "receive after 5 transactions: the other end closed the connection after 0 of the 8 bytes"},
		"half_answers": {func(c net.Conn) { echo(c, 5); c.Write(make([]byte, 3)) }, "after 5 transactions: the other end closed the connection after 3 of the 8 bytes of the answer"},
		"resets":       {func(c net.Conn) { echo(c, 5); c.(*net.TCPConn).SetLinger(0) }, "connection reset by peer"},
		"goes_silent":  {func(c net.Conn) { echo(c, 5); c.Write(make([]byte, 3)); io.Copy(io.Discard, c) }, "wait for an answer after 5 transactions: none within 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, record, err := client(t.Context(), config(rr.TCP), serveOne(t, test.serve))
			require.ErrorContains(t, err, test.want)
			require.LessOrEqual(t, record.Count(), int64(5))
		})
	}
}

func serveOne(t *testing.T, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			serve(conn)
			conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func echo(c net.Conn, times int) {
	buffer := make([]byte, 8)
	for range times {
		if _, err := io.ReadFull(c, buffer); err != nil {
			return
		}
		c.Write(buffer)
	}
	if times > 0 {
		io.ReadFull(c, buffer)
	}
}

func TestNobodyAnswers(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer conn.Close()
	result, record, err := client(t.Context(), config(rr.UDP), conn.LocalAddr().(*net.UDPAddr).AddrPort())
	require.ErrorContains(t, err, "10 requests in a row had no answer within 200ms (requests lost: 10)")
	require.Equal(t, int64(10), result.Lost)
	require.Zero(t, record.Count())
}

func TestContextEndsAll(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP, rr.CRR} {
		t.Run(protocol, func(t *testing.T) {
			c := config(protocol)
			c.Transactions, c.Duration = 0, time.Hour
			server := listen(t, c)
			ended := errors.New("the session ended")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(100*time.Millisecond, func() { cancel(ended) })
			_, _, err := client(ctx, c, server.Address)
			require.ErrorIs(t, err, ended)
			_, err = server.Stop()
			require.NoError(t, err)
		})
	}
}

// TestServerStops: while it waits for a client, and in the middle of one.
func TestServerStops(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP} {
		t.Run(protocol, func(t *testing.T) {
			served, err := listen(t, config(protocol)).Stop()
			require.NoError(t, err)
			require.Zero(t, served.Transactions)

			server := listen(t, config(protocol))
			conn, err := net.Dial(map[string]string{rr.TCP: "tcp", rr.UDP: "udp"}[protocol], server.Address.String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write(make([]byte, 8))
			require.NoError(t, err)
			_, err = io.ReadFull(conn, make([]byte, 8))
			require.NoError(t, err)
			served, err = server.Stop()
			require.NoError(t, err)
			require.Equal(t, int64(1), served.Transactions)
		})
	}
}

// TestHalfRequest: a client that dies in a request is a failure of the block.
func TestHalfRequest(t *testing.T) {
	server := listen(t, config(rr.TCP))
	conn, err := net.Dial("tcp", server.Address.String())
	require.NoError(t, err)
	conn.Write(make([]byte, 3))
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the server gives up by itself")
	conn.Close()
	_, err = server.Stop()
	require.ErrorContains(t, err, "closed the connection after 3 of the 8 bytes of the request")
}

// TestNothingAllocates runs ten times as many transactions, and finds no more
// memory allocated: what there is comes with the block.
func TestNothingAllocates(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP, rr.CRR} {
		for _, connections := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", protocol, connections), func(t *testing.T) {
				c := config(protocol)
				c.Connections = connections
				few, many := allocations(t, c, 1000), allocations(t, c, 10_000)
				require.InDelta(t, few, many, 200)
			})
		}
	}
}

func allocations(t *testing.T, c rr.Config, n int64) float64 {
	c.Transactions = n
	server := listen(t, c)
	recording := rr.NewRecording()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := rr.Run(t.Context(), c, loopback, server.Address, recording)
	require.NoError(t, err)
	_, err = server.Stop()
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.GreaterOrEqual(t, recording.Main.Count(), n)
	return float64(after.Mallocs - before.Mallocs)
}

// TestRuntimeIsPutBack: the collector runs again, and threads have their policy.
func TestRuntimeIsPutBack(t *testing.T) {
	before := debug.SetGCPercent(87)
	defer debug.SetGCPercent(before)
	server := listen(t, config(rr.TCP))
	_, _, err := client(t.Context(), config(rr.TCP), server.Address)
	require.NoError(t, err)
	_, err = server.Stop()
	require.NoError(t, err)
	require.Equal(t, 87, debug.SetGCPercent(87))
	// A thread that the runtime has just ended is still listed for a moment.
	require.Eventually(t, func() bool { return len(idleThreads(t)) == 0 }, 5*time.Second, 10*time.Millisecond)
}

// TestCollectionUnderWay: a loop that starts while garbage is collected, and gets
// no answer, is ended all the same.
func TestCollectionUnderWay(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer conn.Close()
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	for range 100 {
		recording := rr.NewRecording() // Starts a collection, which goes on while this does.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		_, err = rr.Run(ctx, config(rr.UDP), loopback, conn.LocalAddr().(*net.UDPAddr).AddrPort(), recording)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}
