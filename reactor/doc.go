// Package reactor waits, on one goroutine, for whichever of many descriptors is
// ready, and hands back the 64-bit token that each was registered with.
//
// There are two layers. [Poll] is the primitive: register a descriptor, wait,
// look at the events. [Loop] puts a table of registrations, messages from other
// goroutines, timers and signals around a Poll and calls the methods of a
// [Handler].
//
//	poll, err := reactor.NewPoll(reactor.PollConfig{})
//	err = poll.Register(fd, 42, reactor.Readable, reactor.Level)
//	events := make([]reactor.Event, 128)
//	for {
//		n, err := poll.Wait(events, -1)
//		for _, ev := range events[:n] {
//			if ev.Ready().IsReadable() {
//				handle(ev.Token()) // 42
//			}
//		}
//	}
//
// # Readiness
//
// An event is a hint that an operation would not block. Operate on non-blocking
// descriptors ([SetNonblock]), and take would-block as "wait again". Three modes
// say when readiness is reported again: [Level] at each Wait while it lasts,
// [Edge] when more arrives, [OneShot] after the next Reregister.
//
// [Ready] says more about an event in bits that mean the same everywhere. The
// end of the stream is readable; the peer's half-close is read-closed, and
// leaves writing as it was; a hang-up or an error is reported whatever the
// interest.
//
// # Sleeping
//
// When nothing is ready, [WaitPolicy] says how a Poll or a Loop sleeps. [Auto]
// needs no thought. It looks on for up to 20 µs while something mostly comes
// within 6; then it sleeps in the system call if it will not be for long, and
// otherwise parks its goroutine, where the system has a way to, so that no thread
// is held and a message ends the sleep of a Loop without a system call. After a
// message it lets other goroutines run first, since the next one may be among
// what they do. Timeouts are exact to what the kernel's own timer is.
//
// A Poll that does not park passes through Go's scheduler every 5 ms, unless a
// handler takes longer: Go's monitor thread would take its processor away time
// and again. Beside goroutines that compute on all processors it leaves that to
// the scheduler, and waits for its turn like any other goroutine, up to 10 ms or
// 20: give a busy one a processor.
//
// # Processes
//
// RegisterProcess reports the exit of a process like readiness, and without a
// signal handler: through a pidfd on Linux (5.3 or later), a process filter on
// kqueue, a wait completion packet on Windows (before Windows 8 and in Wine 8, a
// wait of the system's thread pool).
//
// # Lifetime
//
// Deregister before closing a descriptor. The Poll never closes what was
// registered. In a Poll, events that are in the caller's slice already may be of
// a registration that is gone, or, worse, of a number that means another file
// by now; the Loop looks each of them up and drops those.
//
// # Goroutines
//
// Any goroutine may register with a Poll and wake it while another one waits; a
// second concurrent Wait is refused. A Loop belongs to the goroutine that runs
// it, except for Stop and what Sender and NewProducer return.
//
// # Allocation
//
// Nothing is allocated after set-up: not by Wait, by Wake, by a turn of the
// Loop or by registering again and again. The Loop's tables grow when there are
// more registrations, at one time, than ever before.
//
// # Systems
//
// Linux is served by epoll, with nanosecond timeouts (epoll_pwait2) where the
// kernel has them and milliseconds, rounded up, elsewhere.
//
// macOS and FreeBSD are served by kqueue. There a descriptor that can be read
// and written is two events, except in mode OneShot. FreeBSD has no Priority:
// it is refused with [errors.ErrUnsupported].
//
// Only Linux has [Park]. It costs a Poll one more descriptor, in Auto too.
//
// Windows is served by AFD polls on a completion port, for sockets only, each
// of which may be registered with one Poll of the process. Level costs a request
// to the driver for each Wait that reports the socket. Edge is emulated: after
// an operation that would have blocked the Poll must be told, which sources of
// package sockets do by themselves and users of plain descriptors do with Rearm;
// until then more data is no event. Asking for more while a poll is in flight
// costs two requests, so change and re-arm between an event and the next Wait.
// A socket that was closed without Deregister goes when a Wait hears of it; until
// then its number, given to another socket, may be refused as registered already.
// From Windows 10, version 1803, on, a high-resolution timer ends a timeout;
// before, and in Wine 8, timeouts are rounded up to milliseconds and end with the
// system's clock tick, up to 15.6 ms late. In neither case are they early.
//
// Elsewhere [NewPoll] returns [errors.ErrUnsupported].
//
// On Linux a registration belongs to the open file, not to its number. If a
// duplicate of a descriptor is open somewhere (dup, fork, a passed descriptor)
// when the registered number is closed without Deregister, the kernel goes on
// reporting the file, and nothing can be done about it through the number. A
// Loop does not dispatch these events, but they wake it.
package reactor
