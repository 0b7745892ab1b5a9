package sockets

import (
	"fmt"
	"net/netip"
	"syscall"

	"github.com/metalio/metalio"
)

// UDPConn is a UDP socket, bound by ListenUDP or connected by DialUDP. Use it
// from one goroutine at a time.
//
// A datagram is sent and received whole: there are no short writes. An error
// that the network reported for an earlier datagram, such as ECONNREFUSED on a
// connected socket, is returned by a later call.
type UDPConn struct {
	netSocket
	// family decides whether an IPv4 destination must be mapped.
	family int
}

// ListenUDP opens a socket bound to addr, which receives from everyone. Of cfg,
// Backlog has no meaning here.
func ListenUDP(addr netip.AddrPort, cfg ListenConfig) (*UDPConn, error) {
	c := &UDPConn{family: familyOf(addr.Addr())}
	if err := c.openBound(metalio.SOCK_DGRAM, addr, cfg); err != nil {
		return nil, addrError("listen udp", addr, err)
	}
	return c, nil
}

// DialUDP opens a socket connected to addr: it sends there with Write, and
// receives from there alone. It does not wait; UDP has no handshake.
func DialUDP(addr netip.AddrPort) (*UDPConn, error) {
	c := &UDPConn{family: familyOf(addr.Addr())}
	if err := c.openConnecting(metalio.SOCK_DGRAM, netip.AddrPort{}, addr); err != nil {
		return nil, addrError("dial udp", addr, err)
	}
	return c, nil
}

// ReadFrom receives one datagram into p and tells its sender. An empty
// datagram gives n = 0 and no error. When the datagram is longer than p, p is
// filled, the rest is lost, and the error is [ErrTruncated] on every system.
func (c *UDPConn) ReadFrom(p []byte) (n int, from netip.AddrPort, err error) {
	if !c.isOpen() {
		return 0, netip.AddrPort{}, errClosed
	}
	var sa sockaddr
	n, errno := sysRecvFrom(c.FD(), p, &sa)
	switch errno {
	case 0:
		return n, sa.addrPort(), nil
	case syscall.EMSGSIZE:
		return n, sa.addrPort(), ErrTruncated
	}
	return 0, netip.AddrPort{}, c.failed(errno, metalio.Readable)
}

// Read is ReadFrom without the sender, for a connected socket.
func (c *UDPConn) Read(p []byte) (int, error) {
	n, _, err := c.ReadFrom(p)
	return n, err
}

// WriteTo sends p as one datagram to addr. Connected sockets use Write. A zone
// in addr costs nothing as a number; an interface's name is looked up each time.
func (c *UDPConn) WriteTo(p []byte, addr netip.AddrPort) (int, error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	var to sockaddr
	if err := to.set(addr, c.family); err != nil {
		return 0, addrError("write udp", addr, err)
	}
	n, errno := sysSendTo(c.FD(), p, to.pointer(), to.len)
	return c.written(n, errno)
}

// Write sends p as one datagram to the peer of a connected socket.
func (c *UDPConn) Write(p []byte) (int, error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	n, errno := sysSendTo(c.FD(), p, nil, 0)
	return c.written(n, errno)
}

func (c *UDPConn) written(n int, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, c.failed(errno, metalio.Writable)
	}
	return n, nil
}

// LocalAddr returns the socket's own address, or the zero AddrPort after Close.
func (c *UDPConn) LocalAddr() netip.AddrPort { return c.localAddr() }

// RemoteAddr returns the peer of a connected socket, or the zero AddrPort.
func (c *UDPConn) RemoteAddr() netip.AddrPort { return c.remoteAddr() }

// SetBroadcast sets whether datagrams may be sent to a broadcast address.
func (c *UDPConn) SetBroadcast(on bool) error {
	return c.setOption(metalio.SOL_SOCKET, metalio.SO_BROADCAST, boolInt(on), "SO_BROADCAST")
}

// Message is one datagram of a batch.
type Message struct {
	// Buf is the room for a datagram to receive; its first N bytes are the
	// datagram to send.
	Buf []byte
	// N is the datagram's length in bytes: set by ReadBatch, read by WriteBatch.
	N int
	// Addr is the sender, or the destination; WriteBatch on a connected
	// socket wants the zero AddrPort.
	Addr netip.AddrPort
	// Truncated is set by ReadBatch for a datagram that was longer than Buf.
	Truncated bool
}

// ReadBatch receives up to len(ms) datagrams into ms, with one system call
// where the system has recvmmsg, and at most as many as b has room for. It
// returns how many came; [ErrWouldBlock] comes alone. b is scratch memory that
// any number of sockets may use in turn.
func (c *UDPConn) ReadBatch(b *Batch, ms []Message) (int, error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	if ms = ms[:min(len(ms), b.Cap())]; len(ms) == 0 {
		return 0, nil
	}
	n, errno := b.read(c.FD(), ms)
	if errno != 0 {
		return 0, c.failed(errno, metalio.Readable)
	}
	return n, nil
}

// WriteBatch sends the datagrams of ms in order, with one system call for each
// b.Cap() of them where the system has sendmmsg. It returns how many went;
// fewer than len(ms) always come with the error that stopped it, which is that
// of ms[n]: EINVAL if its N is outside Buf.
func (c *UDPConn) WriteBatch(b *Batch, ms []Message) (n int, err error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	for n < len(ms) {
		part := within(ms[n:min(len(ms), n+b.Cap())])
		if len(part) == 0 {
			return n, errOutside
		}
		sent, errno, err := b.write(c.FD(), c.family, part)
		n += sent
		if err != nil {
			return n, err
		}
		if errno != 0 {
			return n, c.failed(errno, metalio.Writable)
		}
	}
	return n, nil
}

// within is the messages before the first one of which N is outside Buf.
func within(ms []Message) []Message {
	for i := range ms {
		if ms[i].N < 0 || ms[i].N > len(ms[i].Buf) {
			return ms[:i]
		}
	}
	return ms
}

var errOutside = fmt.Errorf("sockets: write udp: a message's N is outside its Buf: %w", syscall.EINVAL)
