package sockets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/metalio/metalio"
)

// Names of Unix sockets are paths in the file system. On Linux a name that
// begins with @ is abstract: it has no file, and goes when its socket does.

// MaxFDs is how many descriptors one WriteFDs or ReadFDs passes at most.
const MaxFDs = 32

// UnixListener accepts connections on a Unix stream socket. Use it from one
// goroutine at a time.
//
// On Windows stream sockets exist from Windows 10 1803 on, without passing of
// descriptors; datagram sockets do not exist there.
type UnixListener struct {
	netSocket
	name string
}

// ListenUnix listens on name. The file must not exist yet: a listener that is
// closed removes its own, one that was killed leaves it for its successor to
// remove. Of cfg, ReusePort and V6Only have no meaning here.
func ListenUnix(name string, cfg ListenConfig) (*UnixListener, error) {
	l := &UnixListener{}
	if err := l.openNamed(metalio.SOCK_STREAM, name, cfg); err != nil {
		return nil, nameError("listen unix", name, err)
	}
	if err := l.startListening(cfg); err != nil {
		_ = removeFile(name)
		return nil, nameError("listen unix", name, err)
	}
	l.name = name
	return l, nil
}

// AcceptInto takes one waiting connection into c, which must be closed. It
// behaves as [TCPListener.AcceptInto].
func (l *UnixListener) AcceptInto(c *UnixConn) error {
	var peer sockaddr // of no use: a connecting socket seldom has a name
	return l.acceptInto(&c.stream, &peer)
}

// Accept is AcceptInto a new UnixConn.
func (l *UnixListener) Accept() (*UnixConn, error) {
	c := &UnixConn{}
	if err := l.AcceptInto(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Name returns the name listened on.
func (l *UnixListener) Name() string { return l.name }

// Close stops listening and removes the socket's file.
func (l *UnixListener) Close() error { return l.closeNamed(l.name) }

// UnixConn is a Unix stream connection. The zero value is closed, and ready
// for Dial and [UnixListener.AcceptInto]. Use it from one goroutine at a time.
type UnixConn struct {
	stream
}

// DialUnix is Dial with a new UnixConn.
func DialUnix(name string) (*UnixConn, error) {
	c := &UnixConn{}
	if err := c.Dial(name); err != nil {
		return nil, err
	}
	return c, nil
}

// Dial connects to name; c must be closed. Unlike TCP the connection is usually
// there at once, and ConnectError nil. [ErrWouldBlock] is returned, with c
// closed, when the listener's queue is full: nothing is in progress then, and
// nothing tells when there is room, so try again later.
func (c *UnixConn) Dial(name string) error {
	if c.isOpen() {
		return errOpen
	}
	c.stream = stream{}
	err := c.openConnectedTo(metalio.SOCK_STREAM, name)
	if err == nil || err == ErrWouldBlock {
		return err
	}
	return nameError("dial unix", name, err)
}

// UnixPair returns two stream connections that are connected to each other.
func UnixPair() (a, b *UnixConn, err error) {
	fds, errno := sysSocketpair(metalio.SOCK_STREAM)
	if errno != 0 {
		return nil, nil, callError("socketpair", errno)
	}
	a, b = &UnixConn{}, &UnixConn{}
	a.connected(fds[0])
	b.connected(fds[1])
	return a, b, nil
}

// WriteFDs writes p, which must not be empty, as Write does, and passes fds, at
// most [MaxFDs], along with its first byte. n > 0 says that they went. The
// receiver gets duplicates; the caller keeps owning its own and may close them
// at once.
func (c *UnixConn) WriteFDs(p []byte, fds []FD) (n int, err error) {
	if err := c.checkFDs(len(p), len(fds)); err != nil {
		return 0, err
	}
	n, errno := sysSendFDs(c.FD(), p, fds)
	if errno != 0 {
		return 0, c.failed(errno, metalio.Writable)
	}
	rest, err := c.Write(p[n:])
	return n + rest, err
}

// ReadFDs reads as Read does, and stores the descriptors that came along in
// fds; the caller owns them. They are close-on-exec, and blocking or not as
// they were at the sender. When more came than fds has room for (or more than
// [MaxFDs]), the others are closed and the error is [ErrTruncated], n and nfds
// being valid. p must not be empty. Data written after descriptors never comes
// in one piece with data from before them.
func (c *UnixConn) ReadFDs(p []byte, fds []FD) (n, nfds int, err error) {
	if err := c.checkFDs(len(p), 0); err != nil {
		return 0, 0, err
	}
	n, nfds, errno := sysRecvFDs(c.FD(), p, fds)
	if errno == syscall.EMSGSIZE {
		return n, nfds, ErrTruncated
	}
	n, err = c.readResult(n, errno)
	return n, nfds, err
}

func (c *UnixConn) checkFDs(size, count int) error {
	if !c.isOpen() {
		return errClosed
	}
	if size == 0 || count > MaxFDs {
		return fmt.Errorf("sockets: %d descriptors with %d bytes: %w", count, size, os.ErrInvalid)
	}
	return nil
}

// UnixDatagram is a Unix datagram socket. Datagrams arrive whole and in order;
// a full receiver makes the sender wait. Use it from one goroutine at a time.
type UnixDatagram struct {
	netSocket
	name string
}

// ListenUnixDatagram opens a socket that receives at name. As for ListenUnix,
// the file must not exist yet and Close removes it. Of cfg, only Control has a
// meaning here.
func ListenUnixDatagram(name string, cfg ListenConfig) (*UnixDatagram, error) {
	c := &UnixDatagram{}
	if err := c.openNamed(metalio.SOCK_DGRAM, name, cfg); err != nil {
		return nil, nameError("listen unix datagram", name, err)
	}
	c.name = name
	return c, nil
}

// DialUnixDatagram opens a socket without a name of its own that sends to name.
func DialUnixDatagram(name string) (*UnixDatagram, error) {
	c := &UnixDatagram{}
	if err := c.openConnectedTo(metalio.SOCK_DGRAM, name); err != nil {
		return nil, nameError("dial unix datagram", name, err)
	}
	return c, nil
}

// Read receives one datagram. An empty one gives (0, nil). When it is longer
// than p, p is filled, the rest is lost, and the error is [ErrTruncated].
func (c *UnixDatagram) Read(p []byte) (int, error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	var from sockaddr
	n, errno := sysRecvFrom(c.FD(), p, &from)
	switch errno {
	case 0:
		return n, nil
	case syscall.EMSGSIZE:
		return n, ErrTruncated
	}
	return 0, c.failed(errno, metalio.Readable)
}

// Write sends p as one datagram to the name that was dialed.
func (c *UnixDatagram) Write(p []byte) (int, error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	n, errno := sysSendTo(c.FD(), p, nil, 0)
	if errno != 0 {
		return 0, c.failed(errno, metalio.Writable)
	}
	return n, nil
}

// WriteTo sends p as one datagram to name. [ErrWouldBlock] may mean that the
// receiver is full, which no readiness of this socket tells.
func (c *UnixDatagram) WriteTo(p []byte, name string) (int, error) {
	if !c.isOpen() {
		return 0, errClosed
	}
	var to unixAddr
	if err := to.set(name); err != nil {
		return 0, nameError("write unix datagram", name, err)
	}
	n, errno := sysSendTo(c.FD(), p, to.pointer(), to.len)
	if errno != 0 {
		return 0, c.failed(errno, metalio.Writable)
	}
	return n, nil
}

// Name returns the name received at, or "" for a socket without one.
func (c *UnixDatagram) Name() string { return c.name }

// Close closes the socket and removes its file.
func (c *UnixDatagram) Close() error { return c.closeNamed(c.name) }

// openNamed opens a socket of the given type and binds it to name.
func (s *netSocket) openNamed(typ int, name string, cfg ListenConfig) error {
	var addr unixAddr
	if err := addr.set(name); err != nil {
		return err
	}
	if err := s.openUnix(typ); err != nil {
		return err
	}
	if cfg.Control != nil {
		if err := cfg.Control(s.FD()); err != nil {
			s.discard()
			return err
		}
	}
	errno := sysBind(s.FD(), addr.pointer(), addr.len)
	if errno != 0 {
		s.discard()
	}
	return callError("bind", errno)
}

func (s *netSocket) openConnectedTo(typ int, name string) error {
	var addr unixAddr
	if err := addr.set(name); err != nil {
		return err
	}
	if err := s.openUnix(typ); err != nil {
		return err
	}
	errno := sysConnect(s.FD(), addr.pointer(), addr.len)
	if errno == 0 || unixInProgress(errno) {
		return nil
	}
	s.discard()
	if wouldBlock(errno) {
		return ErrWouldBlock
	}
	return callError("connect", errno)
}

func (s *netSocket) openUnix(typ int) error {
	fd, errno := sysUnixSocket(typ)
	if errno == 0 {
		s.own(fd)
	}
	return callError("socket", errno)
}

// unixAddr is a kernel address of the Unix family.
type unixAddr struct {
	storage metalio.SockaddrUnix
	len     uint32
}

const unixPathOffset = uint32(unsafe.Offsetof(metalio.SockaddrUnix{}.Path))

func (a *unixAddr) pointer() unsafe.Pointer { return unsafe.Pointer(&a.storage) }

// set stores name. A path that fills the field has no terminating zero, which
// the kernels accept; an abstract name begins with a zero and never ends in one.
func (a *unixAddr) set(name string) error {
	if name == "" || len(name) > len(a.storage.Path) || strings.ContainsRune(name, 0) {
		return fmt.Errorf("invalid name of %d bytes: %w", len(name), os.ErrInvalid)
	}
	*a = unixAddr{}
	a.storage.Family = metalio.AF_UNIX
	n := copy(a.storage.Path[:], name)
	if isAbstract(name) {
		a.storage.Path[0] = 0
	} else if n < len(a.storage.Path) {
		n++
	}
	a.len = unixPathOffset + uint32(n)
	setLenUnix(&a.storage, a.len)
	return nil
}

func isAbstract(name string) bool { return hasAbstractNames && name[0] == '@' }

// closeNamed removes the file first: when nobody listens any more, a successor may
// take it for a dead one's and put its own in the place.
func (s *netSocket) closeNamed(name string) error {
	if !s.isOpen() {
		return errClosed
	}
	return errors.Join(removeFile(name), s.socket.Close())
}

// removeFile removes a socket's file, which someone else may have done before.
func removeFile(name string) error {
	if name == "" || isAbstract(name) {
		return nil
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("sockets: remove socket: %w", err)
	}
	return nil
}

func nameError(op, name string, err error) error {
	return fmt.Errorf("sockets: %w", &fs.PathError{Op: op, Path: name, Err: err})
}
