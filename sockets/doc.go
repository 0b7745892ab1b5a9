// Package sockets has non-blocking TCP, UDP and Unix sockets and pipes, made
// for an event loop: no call sleeps, addresses are netip.AddrPort, and
// accepting, reading and writing allocate nothing.
//
// # Would block
//
// An operation that cannot go on returns [ErrWouldBlock] at once. Register
// the descriptor with a reactor (every type here is a reactor Source: it has
// FD and SetRearmer) and try again when the direction is ready. With
// edge-triggered registration, repeat an operation until it returns
// ErrWouldBlock: only then is another event certain.
//
//	for {
//		n, err := conn.Read(buf)
//		if err == sockets.ErrWouldBlock {
//			return // the next Readable goes on from here
//		}
//		if err != nil {
//			return // io.EOF: the peer will send no more
//		}
//		use(buf[:n])
//	}
//
// Write goes on until everything is written or the kernel takes no more, so a
// short count always comes with an error, ErrWouldBlock in the ordinary case.
//
// # Connecting
//
// Dial starts to connect and returns. When the socket is writable,
// ConnectError tells the outcome: nil, the failure, or ErrWouldBlock for an
// event that came too early.
//
// # Moving data
//
// Readv and Writev take several buffers in one call, ReadBatch and WriteBatch
// several datagrams. A Splicer moves data from socket to socket, Sendfile from
// a file, without a copy through the program.
//
// # Package net
//
// FromNet… and ToNet convert to and from package net by duplicating the
// descriptor: afterwards each side owns and closes its own.
//
// # Errors
//
// Reading, writing and accepting return the system's syscall.Errno bare,
// because wrapping it would allocate; all else returns errors that name the
// call and the address. Both satisfy errors.Is. An operation on a closed
// socket satisfies errors.Is with os.ErrClosed and with net.ErrClosed.
// Interrupted calls are repeated and never seen.
//
// # Ownership
//
// A value is used by one goroutine at a time, usually its loop's, and must not
// be copied while it is open: both copies would own the descriptor. The zero
// value of a connection is closed and ready for Dial or AcceptInto, so a
// connection can be a field of the record that a slab keeps for it.
// Deregister before Close.
//
// # Addresses
//
// Peers and local addresses are given unmapped: an IPv4 peer of a listener on
// [::] is 192.0.2.1 and not ::ffff:192.0.2.1. A zone is accepted as an
// interface's name or number and given as a number, since looking up the name
// would cost system calls for each packet.
package sockets
