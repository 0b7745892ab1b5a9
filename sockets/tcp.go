package sockets

import (
	"math"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/metalio/metalio"
)

// ListenConfig has the settings of a listener. The zero value is good.
type ListenConfig struct {
	// Backlog bounds the connections that wait to be accepted. Zero takes
	// the system's SOMAXCONN; the kernel caps it by its own setting.
	Backlog int
	// ReusePort lets several sockets share the address (SO_REUSEPORT), so
	// that each loop of a program can have its own. Linux spreads
	// connections over them; other systems may not.
	ReusePort bool
	// V6Only keeps a listener on an IPv6 address from taking IPv4
	// connections. Without it [::] takes both, whatever the system's default.
	V6Only bool
	// Control, unless nil, is called before the address is bound, for
	// options that have no field here.
	Control func(fd FD) error
}

// TCPListener accepts TCP connections without blocking. Its descriptor is
// readable while connections wait. Use it from one goroutine at a time.
type TCPListener struct {
	netSocket
}

// ListenTCP listens on addr; port 0 picks a free one, which Addr tells.
// SO_REUSEADDR is set on Unix, so that a restart does not wait for old
// connections to time out.
func ListenTCP(addr netip.AddrPort, cfg ListenConfig) (*TCPListener, error) {
	l := &TCPListener{}
	if err := l.listen(addr, cfg); err != nil {
		return nil, addrError("listen tcp", addr, err)
	}
	return l, nil
}

func (l *TCPListener) listen(addr netip.AddrPort, cfg ListenConfig) error {
	if err := l.openBound(metalio.SOCK_STREAM, addr, cfg); err != nil {
		return err
	}
	return l.startListening(cfg)
}

// AcceptInto takes one waiting connection into c, which must be closed, and
// returns the peer's address. It allocates nothing. [ErrWouldBlock] means that
// none waits. EMFILE and ENFILE leave the connection waiting: a level-triggered
// loop sees it again at once, so close something or stop listening for a while.
// A connection that its peer gave up meanwhile (ECONNABORTED) is passed over.
func (l *TCPListener) AcceptInto(c *TCPConn) (netip.AddrPort, error) {
	var sa sockaddr
	if err := l.acceptInto(&c.stream, &sa); err != nil {
		return netip.AddrPort{}, err
	}
	return sa.addrPort(), nil
}

// Accept is AcceptInto a new TCPConn.
func (l *TCPListener) Accept() (*TCPConn, netip.AddrPort, error) {
	c := &TCPConn{}
	addr, err := l.AcceptInto(c)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return c, addr, nil
}

// Addr returns the address listened on, with the port that was picked for
// port 0. It is the zero AddrPort after Close.
func (l *TCPListener) Addr() netip.AddrPort { return l.localAddr() }

// TCPConn is a TCP connection. The zero value is closed, and ready for Dial
// and [TCPListener.AcceptInto]. Use it from one goroutine at a time.
//
// Options are the system's defaults; unlike package net this package does not
// set TCP_NODELAY or keep-alive by itself.
type TCPConn struct {
	stream
}

// DialTCP is Dial with a new TCPConn.
func DialTCP(addr netip.AddrPort) (*TCPConn, error) {
	c := &TCPConn{}
	if err := c.Dial(addr); err != nil {
		return nil, err
	}
	return c, nil
}

// Dial starts to connect to addr and returns at once; c must be closed. When
// the descriptor is writable, ConnectError tells the outcome. A failure that
// the system knows at once, such as ECONNREFUSED on the loopback, is returned
// here, and c is then closed again.
func (c *TCPConn) Dial(addr netip.AddrPort) error {
	return c.DialFrom(netip.AddrPort{}, addr)
}

// DialFrom is Dial from the local address, unless that is the zero AddrPort.
// Port 0 picks a free one.
func (c *TCPConn) DialFrom(local, addr netip.AddrPort) error {
	if c.isOpen() {
		return errOpen
	}
	c.stream = stream{}
	if err := c.openConnecting(metalio.SOCK_STREAM, local, addr); err != nil {
		return addrError("dial tcp", addr, err)
	}
	return nil
}

// LocalAddr returns the connection's own address, or the zero AddrPort when
// there is none.
func (c *TCPConn) LocalAddr() netip.AddrPort { return c.localAddr() }

// RemoteAddr returns the peer's address, or the zero AddrPort when there is
// none: not connected yet, or no longer.
func (c *TCPConn) RemoteAddr() netip.AddrPort { return c.remoteAddr() }

// SetNoDelay sets whether small segments are sent at once (TCP_NODELAY)
// instead of being gathered while others are unacknowledged.
func (c *TCPConn) SetNoDelay(on bool) error {
	return c.setOption(metalio.IPPROTO_TCP, metalio.TCP_NODELAY, boolInt(on), "TCP_NODELAY")
}

// noOption stands for a socket option that the system lacks.
const noOption = -1

// SetKeepAlive sets keep-alive probing with the meaning that package net gives
// the fields: a zero Idle, Interval or Count takes 15 s, 15 s and 9, a
// negative one leaves the system's. Fractions of a second round up. OpenBSD has
// no periods for one socket and keeps its own.
func (c *TCPConn) SetKeepAlive(cfg net.KeepAliveConfig) error {
	err := c.setOption(metalio.SOL_SOCKET, metalio.SO_KEEPALIVE, boolInt(cfg.Enable), "SO_KEEPALIVE")
	if err != nil || !cfg.Enable {
		return err
	}
	const period, probes = 15 * time.Second, 9
	for _, o := range [...]struct {
		option, value int
		name          string
	}{
		{optKeepIdle, seconds(cfg.Idle, period), "TCP_KEEPIDLE"},
		{optKeepInterval, seconds(cfg.Interval, period), "TCP_KEEPINTVL"},
		{optKeepCount, orDefault(cfg.Count, probes), "TCP_KEEPCNT"},
	} {
		if o.value < 0 || o.option == noOption {
			continue
		}
		if err := c.setOption(metalio.IPPROTO_TCP, o.option, o.value, o.name); err != nil {
			return err
		}
	}
	return nil
}

// SetLinger sets what Close does with data not yet acknowledged: sec < 0 sends
// it in the background (the default), 0 drops it and resets the connection, and
// sec > 0 sends it for so many seconds. On a non-blocking socket some systems
// let Close itself wait for those seconds, which stalls the loop: prefer 0 or
// negative. More than 65535 is EINVAL, because some systems keep 16 bits.
func (c *TCPConn) SetLinger(sec int) error {
	if !c.isOpen() {
		return errClosed
	}
	if sec > math.MaxUint16 {
		return callError("setsockopt SO_LINGER", syscall.EINVAL)
	}
	return callError("setsockopt SO_LINGER", sysSetLinger(c.FD(), sec))
}

func seconds(d, ifZero time.Duration) int {
	d = orDefault(d, ifZero)
	if d < 0 {
		return -1
	}
	return int(min((d-1)/time.Second+1, math.MaxInt32))
}

func orDefault[T int | time.Duration](v, ifZero T) T {
	if v == 0 {
		return ifZero
	}
	return v
}
