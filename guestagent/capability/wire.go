package capability

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// wire keeps the frames that arrive on a NIC; on all devices also those that leave.
type wire struct {
	fd      int
	leaving bool
	frames  []frame
}

type frame struct {
	from net.HardwareAddr
	data []byte
}

// tap opens a packet socket, without a NIC's name on all devices. Its buffer keeps
// what comes until somebody asks.
func tap(in func(func() error) error, nic string) (*wire, error) {
	w := &wire{fd: -1, leaving: nic == ""}
	err := in(func() (err error) {
		device := &net.Interface{} // Index 0 is any.
		if nic != "" {
			if device, err = net.InterfaceByName(nic); err != nil {
				return err
			}
		}
		// No protocol, so that nothing comes before the socket is bound to the device.
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: device.Index})
	})
	if err != nil {
		w.close()
		return nil, fmt.Errorf("look at the frames of %q: %w", nic, err)
	}
	return w, nil
}

func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

func (w *wire) close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}

// saw looks for a token in what has arrived, and tells the MAC it came from. A
// frame may be a moment behind.
func (w *wire) saw(token string, wait time.Duration) (net.HardwareAddr, bool) {
	for deadline := time.Now().Add(wait); ; {
		w.drain()
		for _, one := range w.frames {
			if bytes.Contains(one.data, []byte(token)) {
				return one.from, true
			}
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, false
		}
		// Its answer does not matter: what came is looked at in any case.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
	}
}

// senders are the MACs that frames with that text came from, each once. A device
// without MACs, such as a tunnel's, tells nothing of them.
func (w *wire) senders(text string) (macs []string) {
	w.drain()
	for _, one := range w.frames {
		if len(one.from) > 0 && bytes.Contains(one.data, []byte(text)) && !slices.Contains(macs, one.from.String()) {
			macs = append(macs, one.from.String())
		}
	}
	return macs
}

func (w *wire) drain() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(w.fd, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		link, is := from.(*unix.SockaddrLinklayer)
		if !is || link.Pkttype == unix.PACKET_OUTGOING && !w.leaving {
			continue
		}
		w.frames = append(w.frames, frame{
			from: slices.Clone(net.HardwareAddr(link.Addr[:min(int(link.Halen), len(link.Addr))])), data: slices.Clone(buffer[:n]),
		})
	}
}
