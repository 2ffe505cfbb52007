package libvirt

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
	"github.com/stretchr/testify/require"
)

// daemon listens where libvirt's socket of a session would be.
func daemon(t *testing.T, handle func(net.Conn)) *dialer {
	t.Helper()
	folder := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(folder, "libvirt-sock"))
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go handle(conn)
		}
	}()
	return &dialer{endpoint: newEndpoint(sessionURI, folder)}
}

func TestSilentDaemonEndsAtTheDeadline(t *testing.T) {
	d := daemon(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := d.probe(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "list domains: libvirt at "+d.endpoint.folder+" did not answer in time")
	require.ErrorContains(t, err, "restart it")
}

// A daemon that answers the opening of a connection and then falls silent.
func TestSilentCallEndsAtTheDeadline(t *testing.T) {
	d := daemon(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	client, server := net.Pipe()
	defer server.Close()
	go io.Copy(io.Discard, server)
	idle := &connection{Libvirt: golibvirt.NewWithDialer(presetDialer{client}), raw: client}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	block := make(chan struct{})
	broken, err := idle.interruptible(ctx, func() error { <-block; return nil })
	close(block)
	require.True(t, broken)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = client.Write([]byte("x"))
	require.Error(t, err, "the connection is closed under a call that hangs")
	require.ErrorContains(t, d.silence(ctx), "did not answer in time")
}

func TestCancelledCallSaysSo(t *testing.T) {
	d := daemon(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	err := d.probe(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "restart")
}

func TestDaemonThatHangsUp(t *testing.T) {
	d := daemon(t, func(conn net.Conn) { conn.Close() })
	err := d.probe(t.Context())
	require.ErrorContains(t, err, "list domains: open qemu:///session")
}

func TestNoDaemon(t *testing.T) {
	d := &dialer{endpoint: newEndpoint(systemURI, t.TempDir())}
	err := d.probe(t.Context())
	var unreachable *unreachableError
	require.ErrorAs(t, err, &unreachable)
	require.True(t, notThere(err))
	require.ErrorContains(t, err, "start it: ")
}

func TestForbiddenSocket(t *testing.T) {
	e := &unreachableError{endpoint: newEndpoint(systemURI, "/run/libvirt"), err: &os.PathError{Op: "dial", Path: "x", Err: os.ErrPermission}}
	require.Contains(t, e.Error(), "usermod -aG libvirt")
	require.Contains(t, e.Error(), "--connect qemu:///session")
	require.ErrorIs(t, e, os.ErrPermission)
}

func TestClosedDialerKeepsNothing(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	d := &dialer{}
	d.Close()
	d.put(&connection{Libvirt: golibvirt.NewWithDialer(presetDialer{client}), raw: client})
	require.Empty(t, d.idle)
	_, err := client.Write([]byte("x"))
	require.Error(t, err)
}

func TestErrorCodes(t *testing.T) {
	of := func(code golibvirt.ErrorNumber) error { return golibvirt.Error{Code: uint32(code), Message: "m"} }
	for _, code := range []golibvirt.ErrorNumber{
		golibvirt.ErrNoDomain, golibvirt.ErrNoNetwork, golibvirt.ErrNoStoragePool, golibvirt.ErrNoStorageVol,
	} {
		require.True(t, notFound(of(code)))
		require.NoError(t, gone(of(code)))
	}
	require.False(t, notFound(errors.New("m")))
	require.Error(t, gone(of(golibvirt.ErrInternalError)))
	require.True(t, alreadySo(of(golibvirt.ErrOperationInvalid)))
}
