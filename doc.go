// Package metalio is the raw system call layer of metalio: bindings that are
// generated from the files in specs/ and proved against the systems' own
// headers.
//
// # Two forms
//
// A call that may put its thread to sleep comes twice. EpollPwait tells Go's
// scheduler before it enters the kernel, so that other goroutines go on while
// it sleeps. RawEpollPwait does not: it is some 40 ns cheaper, and right only
// where the call cannot sleep (a zero timeout, a non-blocking descriptor),
// because a raw call that sleeps stalls every goroutine of its processor and
// the garbage collector with them. A call that never sleeps has only the raw
// form. On Windows every call takes the runtime's one path, and no name
// starts with Raw.
//
// # Errors
//
// Wrappers return syscall.Errno by value; zero is success. Nothing allocates,
// and a buffer on the caller's stack stays there. A call that a platform of
// the same family has, and this one lacks, exists and returns ENOSYS; a
// constant such as HasPipe2 tells beforehand.
//
// # Memory
//
// Buffers need to live only until the call returns. Records that point to
// further buffers (Iovec, Msghdr) hold Go pointers that the caller keeps
// alive with runtime.KeepAlive.
//
// All functions may be called from any goroutine; what the kernel makes of
// concurrent calls on one descriptor is the kernel's rule.
//
// Most programs want the packages above this one: reactor for the event loop,
// sockets for non-blocking connections.
package metalio

//go:generate go run ./gen
