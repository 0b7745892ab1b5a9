package sockets

import (
	"io"
	"math"
	"net/netip"
	"syscall"

	"github.com/metalio/metalio"
)

// FD is a descriptor: a file descriptor on Unix, a SOCKET on Windows.
type FD = metalio.FD

// socket owns a descriptor. It is embedded by every type of this package, so
// its exported methods are theirs.
type socket struct {
	// biased is the descriptor plus one: the zero value is closed, and
	// what FD then gives, all bits set, is invalid on every system.
	biased  FD
	rearmer metalio.Rearmer
}

// FD returns the descriptor for registering it, or an invalid one (all bits
// set) after Close. The socket keeps owning it.
func (s *socket) FD() FD { return s.biased - 1 }

// SetRearmer makes r hear of every operation that would have blocked, in the
// blocked direction only. The operation returns ErrWouldBlock whatever r says. A
// reactor that needs to hear of it calls SetRearmer when the socket is registered
// through RegisterSource; nil ends it, as do Close, Dial and AcceptInto.
func (s *socket) SetRearmer(r metalio.Rearmer) { s.rearmer = r }

// Close closes the descriptor. A second Close returns an error that satisfies
// errors.Is with os.ErrClosed. Deregister first.
func (s *socket) Close() error {
	if !s.isOpen() {
		return errClosed
	}
	fd := s.FD()
	*s = socket{}
	return callError("close", sysClose(fd))
}

func (s *socket) isOpen() bool { return s.biased != 0 }

func (s *socket) own(fd FD) { *s = socket{biased: fd + 1} }

// discard closes after a failure that has its own error to report.
func (s *socket) discard() {
	_ = s.Close()
}

// blocked reports a would-block in direction d, after telling the rearmer.
func (s *socket) blocked(d metalio.Interest) error {
	if s.rearmer != nil {
		// The error is of the Poll, which may just have been closed. The
		// socket is as good as before.
		_ = s.rearmer.Rearm(s.FD(), d)
	}
	return ErrWouldBlock
}

// failed turns the errno of an operation in direction d into its error,
// without an allocation.
func (s *socket) failed(errno syscall.Errno, d metalio.Interest) error {
	if wouldBlock(errno) {
		return s.blocked(d)
	}
	return boxed(errno)
}

// readResult makes what a stream's Read returns of what the system returned.
func (s *socket) readResult(n int, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, s.failed(errno, metalio.Readable)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Socket is any socket of this package, or an end of a pipe. No other type
// implements it.
type Socket interface {
	// FD returns the descriptor, which the socket keeps owning.
	FD() FD
	// SetRearmer makes r hear of operations that would have blocked.
	SetRearmer(r metalio.Rearmer)
	// Close closes the descriptor.
	Close() error

	core() *socket
}

func (s *socket) core() *socket { return s }

// netSocket is a socket in the system's sense, which has options and addresses;
// a pipe has neither.
type netSocket struct {
	socket
}

// SetReadBuffer sets the size of the kernel's receive buffer in bytes. Linux
// doubles the value and caps it by net.core.rmem_max. Accepted connections
// inherit a listener's.
func (s *netSocket) SetReadBuffer(bytes int) error {
	return s.setOption(metalio.SOL_SOCKET, metalio.SO_RCVBUF, bytes, "SO_RCVBUF")
}

// SetWriteBuffer sets the size of the kernel's send buffer in bytes. Linux
// doubles the value and caps it by net.core.wmem_max.
func (s *netSocket) SetWriteBuffer(bytes int) error {
	return s.setOption(metalio.SOL_SOCKET, metalio.SO_SNDBUF, bytes, "SO_SNDBUF")
}

// setOption sets an option that is an int in C; name is for the error.
func (s *netSocket) setOption(level, option, value int, name string) error {
	if !s.isOpen() {
		return errClosed
	}
	if int64(value) > math.MaxInt32 {
		return callError("setsockopt "+name, syscall.EINVAL)
	}
	// The name is joined only for a failure: joining allocates, and a server
	// sets options on every connection that it accepts.
	if errno := sysSetOption(s.FD(), level, option, value); errno != 0 {
		return callError("setsockopt "+name, errno)
	}
	return nil
}

// localAddr is the zero AddrPort when there is none to tell.
func (s *netSocket) localAddr() netip.AddrPort {
	var sa sockaddr
	sa.room()
	if !s.isOpen() || sysSockname(s.FD(), sa.pointer(), &sa.len) != 0 {
		return netip.AddrPort{}
	}
	return sa.addrPort()
}

// remoteAddr is the zero AddrPort when there is none to tell.
func (s *netSocket) remoteAddr() netip.AddrPort {
	var sa sockaddr
	if !s.isOpen() || sysPeername(s.FD(), &sa) != 0 {
		return netip.AddrPort{}
	}
	return sa.addrPort()
}

// openBound opens a socket of the given type and binds it to addr.
func (s *netSocket) openBound(typ int, addr netip.AddrPort, cfg ListenConfig) error {
	var sa sockaddr
	family := familyOf(addr.Addr())
	if err := sa.set(addr, family); err != nil {
		return err
	}
	fd, errno := sysSocket(family, typ, 0)
	if errno != 0 {
		return callError("socket", errno)
	}
	s.own(fd)
	if err := s.prepareBind(family, typ, cfg); err != nil {
		s.discard()
		return err
	}
	if errno := sysBind(fd, sa.pointer(), sa.len); errno != 0 {
		s.discard()
		return callError("bind", errno)
	}
	return nil
}

func (s *netSocket) prepareBind(family, typ int, cfg ListenConfig) error {
	if typ == metalio.SOCK_STREAM {
		if err := callError("setsockopt SO_REUSEADDR", sysReuseAddr(s.FD())); err != nil {
			return err
		}
	} else if err := callError("WSAIoctl", sysQuietUDP(s.FD())); err != nil {
		return err
	}
	if cfg.ReusePort {
		if err := callError("setsockopt SO_REUSEPORT", sysReusePort(s.FD())); err != nil {
			return err
		}
	}
	if family == metalio.AF_INET6 {
		only := boolInt(cfg.V6Only)
		if err := s.setOption(metalio.IPPROTO_IPV6, metalio.IPV6_V6ONLY, only, "IPV6_V6ONLY"); err != nil {
			return err
		}
	}
	if cfg.Control != nil {
		return cfg.Control(s.FD())
	}
	return nil
}

// openConnecting opens a socket of the given type, binds it to local unless
// that is the zero AddrPort, and starts to connect it to addr.
func (s *netSocket) openConnecting(typ int, local, addr netip.AddrPort) error {
	family := familyOf(addr.Addr())
	var to sockaddr
	if err := to.set(addr, family); err != nil {
		return err
	}
	fd, errno := sysSocket(family, typ, 0)
	if errno != 0 {
		return callError("socket", errno)
	}
	s.own(fd)
	err := s.startConnect(local, &to, family)
	if err != nil {
		s.discard()
	}
	return err
}

func (s *netSocket) startConnect(local netip.AddrPort, to *sockaddr, family int) error {
	if local.IsValid() {
		var from sockaddr
		if err := from.set(local, family); err != nil {
			return err
		}
		if errno := sysBind(s.FD(), from.pointer(), from.len); errno != 0 {
			return callError("bind", errno)
		}
	}
	if errno := sysConnect(s.FD(), to.pointer(), to.len); errno != 0 && !inProgress(errno) {
		return callError("connect", errno)
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
