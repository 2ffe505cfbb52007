package rr

import (
	"fmt"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"
)

// many is the driver of several connections, and of an open loop of any number:
// one thread, non-blocking sockets, epoll. It costs one system call more for each
// time that the thread wakes, and it is what a server with many clients does.
//
// A closed loop sends on a connection as soon as that has its answer. An open loop
// sends when its schedule says so, on any connection that is free, and times the
// answer from the intended moment: the time that a request waits because an
// earlier answer is slow counts, or stalls would hide each other (coordinated
// omission).
type many struct {
	*client
	*loop
	poll     *poll
	conns    []conn
	free     []*conn // Without a transaction, the last used first.
	busy     int
	ports    ports
	schedule *schedule // nil in a closed loop.
	record   *Recorder
	started  bool
	over     bool  // A closed loop's measurement has ended.
	silent   int   // UDP: requests lost since the last answer.
	expiry   int64 // UDP: when to look for lost requests.
	spin     int64 // ns before an intended moment in which the thread does not sleep.
}

// bell is the id of the socket that wakes the thread.
const bell = -1

// nap is how early an open loop's thread wakes from its sleep, to spin to the
// intended moment: about what a timer's interrupt and a context switch take, which
// would be counted into the transaction otherwise. It yields as it spins, because
// the other end may share the CPU (both are namespaces of one kernel on the local
// backend). It sleeps to the end instead where there is a single CPU, whose other
// work (an emulator's guest, ksoftirqd) would wait for it, and under SCHED_FIFO,
// where yielding lets nobody ordinary run.
const nap = 50_000

func openMany(c *client, local netip.Addr) (*many, error) {
	m := &many{client: c, loop: &c.loop, conns: make([]conn, max(c.Connections, 1)), ports: newPorts(local)}
	if c.open() {
		m.schedule = newSchedule(&c.Config)
	}
	if runtime.NumCPU() > 1 && c.Priority == 0 {
		m.spin = nap
	}
	var err error
	if m.poll, err = newPoll(c.BusyPoll); err != nil {
		return nil, err
	}
	if err := m.openAll(local); err != nil {
		m.close()
		return nil, err
	}
	c.result.Local = netip.AddrPortFrom(local, 0)
	return m, nil
}

// openAll makes the bell, an unconnected socket that a shutdown from outside
// makes readable, and the connections.
func (m *many) openAll(local netip.Addr) error {
	if err := m.socket.open(unix.SOCK_DGRAM); err != nil {
		return err
	}
	if err := m.poll.watch(unix.EPOLL_CTL_ADD, m.socket.fd, bell, unix.EPOLLIN); err != nil {
		return err
	}
	for i := range m.conns {
		m.conns[i] = conn{id: i, socket: socket{fd: -1}}
	}
	for i := range m.conns {
		one := &m.conns[i]
		if m.stopped.Load() {
			return errStopped
		}
		if m.Protocol != CRR {
			if err := m.openOne(one, local); err != nil {
				return fmt.Errorf("connection %d of %d: %w", i+1, len(m.conns), err)
			}
		}
		m.free = append(m.free, one)
	}
	return nil
}

func (m *many) openOne(one *conn, local netip.Addr) error {
	if err := m.dial(&one.socket, netip.AddrPortFrom(local, 0)); err != nil {
		return err
	}
	if err := unix.SetNonblock(one.socket.fd, true); err != nil {
		return fmt.Errorf("make socket non-blocking: %w", err)
	}
	return m.poll.watch(unix.EPOLL_CTL_ADD, one.socket.fd, one.id, unix.EPOLLIN)
}

func (m *many) close() {
	for i := range m.conns {
		m.conns[i].socket.close()
	}
	m.poll.close()
}

func (m *many) run(laps []lap, main bool) (int64, error) { return m.loop.run(m, laps, main) }

// stretch runs transactions; what is under way at its end goes into the next.
func (m *many) stretch(r *Recorder, until end) error {
	m.record = r
	if !m.started {
		m.started = true
		if m.schedule != nil {
			m.schedule.start(m.now())
		}
	}
	for {
		now := m.now()
		if now >= until.at || r.count >= until.count {
			m.last = now
			return nil
		}
		if err := m.launch(now, until); err != nil {
			return err
		}
		if err := m.turn(now, until.at); err != nil {
			return err
		}
	}
}

// launch sends what is due.
func (m *many) launch(now int64, until end) error {
	for len(m.free) > 0 {
		intended := now
		if m.schedule != nil {
			if intended = m.schedule.next; intended > now || intended >= until.at {
				return nil
			}
			m.note(now - intended)
			m.schedule.advance()
		}
		one := m.free[len(m.free)-1]
		m.free = m.free[:len(m.free)-1]
		m.busy++
		if err := m.begin(one, intended, now); err != nil {
			return err
		}
		if m.schedule != nil {
			now = m.now()
		}
	}
	return nil
}

// note keeps how late a request of an open loop is sent.
func (m *many) note(lag int64) {
	if m.schedule.late(lag) {
		m.missed++
	}
	m.maxLag = max(m.maxLag, lag)
}

// turn waits for the next thing to happen and deals with it.
func (m *many) turn(now, until int64) error {
	ns := m.sleep(now, until)
	events, err := m.poll.wait(ns)
	if err != nil {
		return err
	}
	if ns == 0 && len(events) == 0 {
		yield()
	}
	for _, event := range events {
		if event.Fd == bell {
			return errStopped
		}
		if err := m.handle(&m.conns[event.Fd]); err != nil {
			return err
		}
	}
	if m.Protocol == UDP {
		return m.expire()
	}
	return nil
}

// sleep is how long nothing has to be sent; negative is for ever. A closed loop of
// TCP sets no timer, as that of one connection sets none: the answer that comes
// after its end ends it.
func (m *many) sleep(now, until int64) int64 {
	if m.schedule == nil && m.Protocol != UDP {
		return -1
	}
	ns := until - now
	if m.schedule != nil && len(m.free) > 0 {
		ns = min(ns, m.schedule.next-now-m.spin)
	}
	if m.Protocol == UDP {
		ns = min(ns, int64(answerTimeout)/4)
	}
	return max(ns, 0)
}

// finish waits for the answers that are owed, so that both ends close connections
// on which nothing is under way. Those of an open loop count, and the requests
// that it never sent are missed.
func (m *many) finish(r *Recorder, until end) error {
	if m.schedule == nil {
		m.over = true
		return m.settleAll()
	}
	m.record = r
	for m.schedule.next < until.at && r.count < until.count {
		m.missed++
		m.maxLag = max(m.maxLag, until.at-m.schedule.next)
		m.schedule.advance()
	}
	return m.settleAll()
}

func (m *many) settleAll() error {
	for m.busy > 0 {
		now := m.now()
		if err := m.turn(now, now+int64(stall)); err != nil {
			return err
		}
	}
	return nil
}
