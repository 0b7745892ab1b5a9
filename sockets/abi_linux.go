package sockets

import "github.com/metalio/metalio"

// iovlen is the type of Msghdr.Iovlen.
type iovlen = uintptr

// Linux's addresses do not carry their length.

func setLen4(*metalio.SockaddrInet4) {}

func setLen6(*metalio.SockaddrInet6) {}
