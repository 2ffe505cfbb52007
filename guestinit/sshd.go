package guestinit

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// handshakeTimeout is generous: under TCG on a busy host it takes a second.
	handshakeTimeout = 60 * time.Second
	// A dead peer is noticed by TCP's keepalive, after idle + count·interval.
	// It is rare on purpose: nothing should move while a block runs.
	keepaliveIdle     = 60 * time.Second
	keepaliveInterval = 15 * time.Second
	keepaliveCount    = 4
)

// sshServer serves shells and commands as root, to whoever has an authorized key.
type sshServer struct {
	config   *ssh.ServerConfig
	children *reaper
	graces   graces
}

func newSSHServer(hostKey ssh.Signer, authorized []ssh.PublicKey, children *reaper) *sshServer {
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			for _, a := range authorized {
				if bytes.Equal(a.Marshal(), key.Marshal()) {
					return nil, nil
				}
			}
			return nil, errors.New("key not authorized")
		},
	}
	config.AddHostKey(hostKey)
	return &sshServer{config: config, children: children, graces: defaultGraces}
}

func parseAuthorized(lines []string) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	for _, line := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("read authorized key %q: %w", line, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// serve answers connections until the listener is closed.
func (s *sshServer) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // Such as no file descriptors left: it may pass.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go s.handle(conn)
	}
}

func (s *sshServer) handle(conn net.Conn) {
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: keepaliveIdle, Interval: keepaliveInterval, Count: keepaliveCount,
		})
	}
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return
	}
	secure, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return // A port scan, or a key that is not ours: nobody to tell.
	}
	defer secure.Close()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return
	}
	go answer(requests)
	for offer := range channels {
		if offer.ChannelType() != "session" {
			_ = offer.Reject(ssh.UnknownChannelType, "only sessions are served")
			continue
		}
		channel, requests, err := offer.Accept()
		if err != nil {
			return
		}
		go newSession(channel, s, secure).serve(requests)
	}
}

// answer replies to requests of the whole connection. They are all refused, as
// OpenSSH refuses what it does not know; to a keepalive any reply will do.
func answer(requests <-chan *ssh.Request) {
	for request := range requests {
		if request.WantReply {
			_ = request.Reply(false, nil)
		}
	}
}
