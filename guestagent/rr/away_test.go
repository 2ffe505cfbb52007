package rr_test

import (
	"io"
	"net"
	"net/netip"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/rr"
)

// TestOutsideOfTheScheduler: to Go both loops are in a system call for as long as they
// run, so garbage can be collected beside them, and they go on.
func TestOutsideOfTheScheduler(t *testing.T) {
	for protocol, serves := range map[string]string{rr.TCP: "serveTCP", rr.UDP: "serveUDP"} {
		c := config(protocol)
		t.Run(protocol+"/server", func(t *testing.T) {
			server := listen(t, c)
			conn, err := net.Dial(c.Network(), server.Address.String())
			require.NoError(t, err)
			defer conn.Close()
			ask(t, conn)
			collectBeside(t, serves)
			ask(t, conn)
			require.NoError(t, conn.Close())
			served, err := server.Stop()
			require.NoError(t, err)
			require.Equal(t, int64(2), served.Transactions)
		})
		t.Run(protocol+"/client", func(t *testing.T) {
			asked, answer := make(chan struct{}), make(chan struct{})
			address := answerWhenTold(t, c.Network(), asked, answer)
			ended := make(chan error, 1)
			go func() {
				_, _, err := client(t.Context(), c, address)
				ended <- err
			}()
			<-asked
			collectBeside(t, `\(\*single\)\.run`)
			close(answer)
			require.NoError(t, <-ended)
		})
	}
}

// ask is a transaction with a server.
func ask(t *testing.T, conn net.Conn) {
	t.Helper()
	message := make([]byte, 8)
	_, err := conn.Write(message)
	require.NoError(t, err)
	_, err = io.ReadFull(conn, message)
	require.NoError(t, err)
}

// answerWhenTold answers requests of 8 bytes, the first only when it may. It says when that has
// come.
func answerWhenTold(t *testing.T, network string, asked chan<- struct{}, answer <-chan struct{}) netip.AddrPort {
	t.Helper()
	if network == "udp" {
		socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		require.NoError(t, err)
		t.Cleanup(func() { socket.Close() })
		first := sync.OnceFunc(func() { close(asked); <-answer })
		go func() {
			message := make([]byte, 8)
			for {
				_, from, err := socket.ReadFromUDPAddrPort(message)
				if err != nil {
					return
				}
				first()
				_, _ = socket.WriteToUDPAddrPort(message, from)
			}
		}()
		return socket.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		message := make([]byte, 8)
		_, _ = io.ReadFull(conn, message)
		close(asked)
		<-answer
		_, _ = conn.Write(message)
		_, _ = io.Copy(conn, conn)
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// collectBeside collects garbage while Go takes the loop of that function for one in a
// system call.
func collectBeside(t *testing.T, function string) {
	t.Helper()
	away := regexp.MustCompile(`goroutine \d+[^\n]* \[syscall[^\n]*\]:\n(?:[^\n]+\n)*[^\n]*` + function)
	require.Eventually(t, func() bool { return away.Match(stacks()) }, 5*time.Second, time.Millisecond)
	runtime.GC()
	require.Regexp(t, away, string(stacks()))
}

// stacks of all goroutines, as Go prints them.
func stacks() []byte {
	text := make([]byte, 1<<20)
	return text[:runtime.Stack(text, true)]
}

// TestKeepsEachTransaction keeps more of them than a spool has memory for, from within
// both loops.
func TestKeepsEachTransaction(t *testing.T) {
	for _, protocol := range []string{rr.TCP, rr.UDP} {
		t.Run(protocol, func(t *testing.T) {
			spool, err := rr.NewSpool()
			require.NoError(t, err)
			defer spool.Close()
			recording := rr.NewRecording()
			recording.Keep(spool)
			c := config(protocol)
			c.Transactions = 10_000
			server := listen(t, c)
			_, err = rr.Run(t.Context(), c, loopback, server.Address, recording)
			require.NoError(t, err)
			_, err = server.Stop()
			require.NoError(t, err)
			var kept int64
			require.NoError(t, spool.Drain(func(ns int64) error {
				kept++
				require.Positive(t, ns)
				return nil
			}))
			require.Equal(t, c.Transactions, kept)
		})
	}
}
