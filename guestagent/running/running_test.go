package running

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// engineAt serves an engine's API on a socket of its own until the test ends.
func engineAt(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "api.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return socket
}

const inspected = `{"Id":"cc05796e0645e0af","State":{"Status":%q,"Running":%t,"Paused":%t,"Pid":201},
"Config":{"Image":"web"},"NetworkSettings":{"Ports":{
 "7000/tcp":[{"HostIp":"","HostPort":"7000"},{"HostIp":"::","HostPort":"7000"}],
 "80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],
 "53/udp":[{"HostIp":"10.77.0.2","HostPort":"53"}],
 "9/sctp":null,"bad":[{"HostPort":"1"}]}}}`

func TestInspect(t *testing.T) {
	var asked string
	socket := engineAt(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		fmt.Fprintf(w, inspected, "running", true, false)
	})
	got, err := inspect(t.Context(), "podman", socket, "web/1 2")
	require.NoError(t, err)
	require.Equal(t, "/containers/web/1 2/json", asked, "the name was one element of the path, escaped")
	require.Equal(t, Container{
		PID: 201, Engine: "podman", ID: "cc05796e0645e0af", Image: "web",
		Published: []Port{
			{Protocol: "udp", Inside: 53, Outside: 53, On: netip.MustParseAddr("10.77.0.2")},
			{Protocol: "tcp", Inside: 80, Outside: 8080},
			{Protocol: "tcp", Inside: 7000, Outside: 7000},
		},
	}, got)
}

func TestInspectErrors(t *testing.T) {
	state := func(status string, running, paused bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, inspected, status, running, paused) }
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"unknown":  {http.NotFound, "podman has no container of that name (podman ps -a lists them)"},
		"stopped":  {state("exited", false, false), "does not run: it is exited"},
		"paused":   {state("paused", true, true), "is paused"},
		"no JSON":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "read the engine's answer"},
		"an error": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "database is locked", 500) }, "podman answered 500: database is locked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inspect(t.Context(), "podman", engineAt(t, tt.handler), "web")
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestWhatIsNoEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "api.sock")
	_, err := inspect(t.Context(), "docker", socket, "web")
	require.ErrorContains(t, err, "no such file")

	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 512)) // The request, which would find the pipe broken.
			fmt.Fprint(conn, "SSH-2.0-OpenSSH\r\n")
			conn.Close()
		}
	}()
	_, err = inspect(t.Context(), "docker", socket, "web")
	require.ErrorContains(t, err, "is no HTTP")
}

// A silent engine does not hold a block up for ever.
func TestASilentEngine(t *testing.T) {
	socket := engineAt(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := inspect(ctx, "docker", socket, "web")
	require.ErrorContains(t, err, "deadline exceeded")
}

func TestFind(t *testing.T) {
	got, err := Find(t.Context(), "pid://42")
	require.NoError(t, err)
	require.Equal(t, Container{PID: 42}, got)
	for reference, want := range map[string]string{
		"pid://x": `"x" is no PID`, "pid://-1": "is no PID", "lxc://a": "docker://NAME", "docker://": "docker://NAME", "web": "docker://NAME",
	} {
		_, err := Find(t.Context(), reference)
		require.ErrorContains(t, err, want)
	}
	_, err = engine{[]string{"/nowhere/engine.sock"}, "start it"}.inspect(t.Context(), "podman", "web")
	require.EqualError(t, err, "podman's API is not at /nowhere/engine.sock: start it")
}
