package rr_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/rr"
)

// serves names, in the environment of a process that TestMain turns into one, which of
// strays it is.
const serves = "TESTBED_RR_TEST_SERVES"

// strays are servers of UDP that answer amiss. Each is a process of its own: while a loop
// runs, all else in its process is in the background, where a busy machine lets nobody
// answer for seconds.
var strays = map[string]func(*net.UDPConn) error{"lossy": lossy, "mischief": mischief}

func TestMain(m *testing.M) {
	serve := strays[os.Getenv(serves)]
	if serve == nil {
		os.Exit(m.Run())
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err == nil {
		fmt.Println(conn.LocalAddr())
		err = serve(conn)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// stray starts one of strays, which ends with the test.
func stray(t *testing.T, which string) netip.AddrPort {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), serves+"="+which)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // The test's context, which is over, has killed it.
	said := bufio.NewScanner(out)
	require.True(t, said.Scan())
	to, err := netip.ParseAddrPort(said.Text())
	require.NoError(t, err)
	return to
}

// lossy answers some requests never, some twice, some late, and some with something
// else.
func lossy(conn *net.UDPConn) error {
	buffer, late := make([]byte, 64), []byte(nil)
	for i := 1; ; i++ {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return err
		}
		answer := append([]byte(nil), buffer[:n]...)
		switch i {
		case 10: // Never answered.
			continue
		case 20:
			late = answer
			continue
		case 21: // Sent once 20 was given up.
			conn.WriteToUDPAddrPort(late, from)
		case 30: // Twice.
			conn.WriteToUDPAddrPort(answer, from)
		case 40: // Of another length.
			conn.WriteToUDPAddrPort(answer[:5], from)
		}
		conn.WriteToUDPAddrPort(answer, from)
	}
}

// TestLossyServer: all that is amiss is counted, and none of it is waited for. On a busy
// machine other answers may be late too.
func TestLossyServer(t *testing.T) {
	result, record, err := client(t.Context(), config(rr.UDP), stray(t, "lossy"))
	require.NoError(t, err)
	require.Equal(t, int64(200), record.Count())
	require.Positive(t, result.Late)
	require.Equal(t, int64(1), result.Lost-result.Late)
	require.Equal(t, int64(1), result.Duplicates)
	require.Equal(t, int64(1), result.Counters["udp_unexpected"])
	require.Less(t, record.Max(), (200 * time.Millisecond).Nanoseconds(), "a lost request is nobody's round trip")
}

// mischief answers request 10 once its connection has given it up and sends the next, and
// others' meanwhile no sooner; requests 12 to 14 twice, and request 15 with a short
// datagram before the right one.
func mischief(conn *net.UDPConn) error {
	answer := func(n uint64, to netip.AddrPort) {
		whole := binary.LittleEndian.AppendUint64(nil, n)
		switch n {
		case 15:
			conn.WriteToUDPAddrPort([]byte("no"), to)
		case 12, 13, 14:
			conn.WriteToUDPAddrPort(whole, to)
		}
		conn.WriteToUDPAddrPort(whole, to)
	}
	held := map[uint64]netip.AddrPort{}
	for buffer := make([]byte, 8); ; {
		_, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return err
		}
		n := binary.LittleEndian.Uint64(buffer)
		if tenth, waits := held[10]; n == 10 || waits && from != tenth {
			held[n] = from
			continue
		}
		for _, number := range slices.Sorted(maps.Keys(held)) {
			answer(number, held[number])
			delete(held, number)
		}
		answer(n, from)
	}
}

// TestStrayAnswers: one connection and several count alike what is amiss. On a busy
// machine other requests may be given up too; each is answered all the same, and so late.
func TestStrayAnswers(t *testing.T) {
	for _, connections := range []int{1, 2} {
		c := config(rr.UDP)
		c.Connections, c.Transactions = connections, 40
		result, _, err := client(t.Context(), c, stray(t, "mischief"))
		require.NoError(t, err)
		require.Positive(t, result.Late, "%d connections", connections)
		// Nobody waits for what other connections have given up when the last is answered.
		require.Contains(t, []int64{0, int64(connections - 1)}, result.Lost-result.Late, "%d connections", connections)
		require.Equal(t, int64(3), result.Duplicates, "%d connections", connections)
		require.Equal(t, int64(1), result.Counters["udp_unexpected"], "%d connections", connections)
	}
}
