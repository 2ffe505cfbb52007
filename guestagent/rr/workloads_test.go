package rr_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/rr"
)

// TestWorkloads runs every protocol over one connection and several, in a closed
// loop and in both kinds of open one.
func TestWorkloads(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP, rr.CRR} {
		for _, connections := range []int{1, 5} {
			for _, schedule := range []string{"", rr.Poisson, rr.Periodic} {
				for _, size := range [][2]int{{1, 1}, {60_000, 3}, {8, 60_000}} {
					t.Run(fmt.Sprintf("%s/%d/%s/%v", protocol, connections, schedule, size), func(t *testing.T) {
						c := config(protocol)
						c.Connections, c.Request, c.Response = connections, size[0], size[1]
						if protocol == rr.UDP && connections > 1 { // Or they overrun the server's buffer.
							c.Request, c.Response = min(size[0], 8000), min(size[1], 8000)
						}
						if c.Schedule = schedule; schedule != "" {
							c.Rate = 2000
						}
						requireWorks(t, c)
					})
				}
			}
		}
	}
}

func requireWorks(t *testing.T, c rr.Config) {
	t.Helper()
	server := listen(t, c)
	result, record, err := client(t.Context(), c, server.Address)
	require.NoError(t, err)
	served, err := server.Stop()
	require.NoError(t, err)
	require.GreaterOrEqual(t, record.Count(), c.Transactions)
	require.GreaterOrEqual(t, served.Transactions, record.Count())
	require.Equal(t, record.Count(), result.Halves[0].Transactions+result.Halves[1].Transactions)
	require.InEpsilon(t, record.Mean()*float64(record.Count()),
		result.Halves[0].Mean*float64(result.Halves[0].Transactions)+result.Halves[1].Mean*float64(result.Halves[1].Transactions), 1e-9)
	require.Positive(t, result.Halves[1].P50)
	require.Zero(t, result.Lost+result.Late+result.Duplicates)
	require.Contains(t, result.Counters, "clock_step_ns")
}

// TestManyConnectionsAreBusy: by Little's law rate × mean is how many
// transactions are under way, and in a closed loop that is every connection.
func TestManyConnectionsAreBusy(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP, rr.CRR} {
		c := config(protocol)
		c.Connections, c.Transactions = 8, 20_000
		server := listen(t, c)
		result, record, err := client(t.Context(), c, server.Address)
		require.NoError(t, err)
		_, err = server.Stop()
		require.NoError(t, err)
		busy := record.Mean() * float64(record.Count()) / float64(result.Elapsed)
		require.InDelta(t, 8, busy, 0.2, protocol)
	}
}

// TestOpenLoopKeepsItsRate: of the schedule, not of the server.
func TestOpenLoopKeepsItsRate(t *testing.T) {
	for _, schedule := range []string{rr.Poisson, rr.Periodic} {
		c := config(rr.TCP)
		c.Rate, c.Schedule, c.Seed = 1000, schedule, 3
		c.Transactions, c.Duration = 0, time.Second
		server := listen(t, c)
		_, record, err := client(t.Context(), c, server.Address)
		require.NoError(t, err)
		_, err = server.Stop()
		require.NoError(t, err)
		// Four standard deviations of a Poisson count.
		require.InDelta(t, 1000, record.Count(), 130, schedule)
	}
}

// TestCoordinatedOmission: a server that stalls once for 100 ms delays, in 1 s at
// 1,000 requests a second, the hundred that were meant to be sent meanwhile. The
// open loop's tail shows them; the closed loop sees one slow transaction.
func TestCoordinatedOmission(t *testing.T) {
	const stalled = 100 * time.Millisecond
	measure := func(rate float64) (rr.Result, *hdr.Histogram) {
		c := config(rr.TCP)
		c.Rate, c.Schedule = rate, rr.Periodic
		c.Transactions, c.Duration = 0, time.Second
		to := serveOne(t, func(conn net.Conn) {
			buffer := make([]byte, 8)
			for i := 0; ; i++ {
				if _, err := io.ReadFull(conn, buffer); err != nil {
					return
				}
				if i == 300 {
					time.Sleep(stalled)
				}
				conn.Write(buffer)
			}
		})
		result, record, err := client(t.Context(), c, to)
		require.NoError(t, err)
		return result, decoded(t, record)
	}
	result, open := measure(1000)
	require.GreaterOrEqual(t, open.ValueAtQuantile(99.9), (stalled * 8 / 10).Nanoseconds())
	require.Greater(t, slow(open, stalled*3/10), int64(50), "a tenth of the second is stalled")
	require.Greater(t, result.Missed, int64(50))
	require.GreaterOrEqual(t, result.MaxLag, (stalled * 8 / 10).Nanoseconds())
	_, closed := measure(0)
	require.Less(t, slow(closed, stalled*3/10), int64(10), "a single one waited, but for what the machine did")
	require.GreaterOrEqual(t, closed.Max(), (stalled * 9 / 10).Nanoseconds())
}

// slow counts transactions that took as long, or longer.
func slow(record *hdr.Histogram, limit time.Duration) (count int64) {
	for _, bar := range record.Distribution() {
		if bar.From >= limit.Nanoseconds() {
			count += bar.Count
		}
	}
	return count
}

// TestOverloadIsSaid: what a schedule asked for and was never sent is counted.
func TestOverloadIsSaid(t *testing.T) {
	c := config(rr.TCP)
	c.Rate, c.Schedule = 1000, rr.Periodic
	c.Transactions, c.Duration = 0, 300*time.Millisecond
	to := serveOne(t, func(conn net.Conn) {
		buffer := make([]byte, 8)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
			conn.Write(buffer)
		}
	})
	result, record, err := client(t.Context(), c, to)
	require.NoError(t, err)
	require.Less(t, record.Count(), int64(30))
	require.Greater(t, result.Missed+record.Count(), int64(290), "each intended request is answered or missed")
}

func decoded(t testing.TB, r *rr.Recorder) *hdr.Histogram {
	t.Helper()
	encoded, err := r.Encode()
	require.NoError(t, err)
	h, err := hdr.Decode([]byte(base64.StdEncoding.EncodeToString(encoded)))
	require.NoError(t, err)
	return h
}

// TestManyFail: what may go wrong in the loop of many is said as in the loop of one.
func TestManyFail(t *testing.T) {
	for name, test := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"dies":         {func(c net.Conn) { echo(c, 5) }, "the other end closed the connection after 0 of the 8 bytes of the answer"},
		"half_answers": {func(c net.Conn) { echo(c, 5); c.Write(make([]byte, 3)) }, "after 5 transactions: the other end closed the connection after 3 of the 8 bytes"},
		"goes_silent":  {func(c net.Conn) { echo(c, 5); time.Sleep(10 * time.Second) }, "wait for an answer after 5 transactions: none within 2."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(rr.TCP)
			c.Rate, c.Schedule = 1000, rr.Periodic
			_, _, err := client(t.Context(), c, serveOne(t, test.serve))
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := probe.Addr().(*net.TCPAddr).AddrPort()
	probe.Close()
	for _, connections := range []int{1, 3} {
		for _, protocol := range []string{rr.CRR, rr.TCP, rr.UDP} {
			c := config(protocol)
			c.Connections = connections
			_, _, err := client(t.Context(), c, closed)
			require.ErrorIs(t, err, syscall.ECONNREFUSED, "%s, %d connections", protocol, connections)
		}
	}
}

func TestManyEndWithTheContext(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP, rr.CRR} {
		c := config(protocol)
		c.Transactions, c.Duration, c.Connections = 0, time.Hour, 3
		server := listen(t, c)
		ended := errors.New("the session ended")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(ended) })
		_, _, err := client(ctx, c, server.Address)
		require.ErrorIs(t, err, ended, protocol)
		_, err = server.Stop()
		require.NoError(t, err, protocol)
	}
}

// TestSocketsAndThreads: options that the workload asks for reach the kernel.
func TestSocketsAndThreads(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: SCHED_FIFO and SO_BUSY_POLL take it")
	}
	c := config(rr.TCP)
	c.Priority, c.BusyPoll, c.NoDelay, c.Transactions, c.Duration = 7, 50*time.Microsecond, false, 0, time.Second
	server := listen(t, c)
	done := make(chan error, 1)
	go func() {
		_, _, err := client(t.Context(), c, server.Address)
		done <- err
	}()
	require.Eventually(t, func() bool { return len(fifoThreads(t, 7)) == 2 }, 5*time.Second, 5*time.Millisecond, "client and server")
	require.NoError(t, <-done)
	_, err := server.Stop()
	require.NoError(t, err)
}

// fifoThreads are the threads of this process whose real-time priority is that;
// field 40 of stat, counted after the name, which may hold spaces.
func fifoThreads(t *testing.T, priority int) (found []string) {
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, task := range tasks {
		stat, err := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); fields[37] == fmt.Sprint(priority) && fields[38] == "1" {
			found = append(found, task.Name())
		}
	}
	return found
}

// TestManyEndCleanly: what is under way when a closed loop's block ends is waited
// for, so that neither end sees a connection cut in the middle of a request.
func TestManyEndCleanly(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.CRR} {
		c := config(protocol)
		c.Connections, c.Request, c.Response = 6, 400_000, 400_000
		c.Transactions, c.Duration = 0, 100*time.Millisecond
		for range 5 {
			server := listen(t, c)
			_, record, err := client(t.Context(), c, server.Address)
			require.NoError(t, err)
			served, err := server.Stop()
			require.NoError(t, err, protocol)
			require.Equal(t, record.Count()+6, served.Transactions, "the %s answers that came after the end count for nothing", protocol)
		}
	}
}

// TestNoTransaction: an open loop whose block ends before it sends.
func TestNoTransaction(t *testing.T) {
	c := config(rr.TCP)
	c.Transactions, c.Duration, c.Rate, c.Schedule = 0, 20*time.Millisecond, 1, rr.Periodic
	server := listen(t, c)
	_, _, err := client(t.Context(), c, server.Address)
	require.ErrorContains(t, err, "measure: no transaction within 20ms")
	_, err = server.Stop()
	require.NoError(t, err)
}

// TestPortsRunOut: something else has all the ports that TCP_CRR takes its from.
func TestPortsRunOut(t *testing.T) {
	taken := netip.MustParseAddr("127.0.0.9")
	for port := 32768; port < 32768+4096; port++ {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: taken.As4()}))
	}
	for _, connections := range []int{1, 2} {
		c := config(rr.CRR)
		c.Connections = connections
		server := listen(t, c)
		_, err := rr.Run(t.Context(), c, taken, server.Address, rr.NewRecording())
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, "bind to a port of 127.0.0.9: all of 32768 to 36863 are in use")
		_, err = server.Stop()
		require.NoError(t, err)
	}
}

// TestConnectionsThatMisbehave: the same as of TCP_RR, of a connection for each transaction.
func TestConnectionsThatMisbehave(t *testing.T) {
	for name, test := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"half_answers": {func(c net.Conn) { c.Read(make([]byte, 8)); c.Write(make([]byte, 3)) }, "closed the connection after 3 of the 8 bytes of the answer"},
		"answers_more": {func(c net.Conn) { c.Read(make([]byte, 8)); c.Write(make([]byte, 9)) }, "receive after 0 transactions"},
		"stays_open":   {func(c net.Conn) { echo(c, 1); time.Sleep(10 * time.Second) }, "wait for an answer after 0 transactions: none within 2s"},
	} {
		for _, connections := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", name, connections), func(t *testing.T) {
				t.Parallel()
				c := config(rr.CRR)
				c.Connections = connections
				_, _, err := client(t.Context(), c, serveOne(t, test.serve))
				require.ErrorContains(t, err, test.want)
			})
		}
	}
}
