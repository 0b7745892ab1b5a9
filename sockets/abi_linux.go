package sockets

import "github.com/metalio/metalio"

// iovlen is the type of Msghdr.Iovlen.
type iovlen = uintptr

// cmsgLen is the type of Cmsghdr.Len and Msghdr.Controllen.
type cmsgLen = uintptr

const hasAbstractNames = true

// Linux's addresses do not carry their length.

func setLen4(*metalio.SockaddrInet4) {}

func setLen6(*metalio.SockaddrInet6) {}

func setLenUnix(*metalio.SockaddrUnix, uint32) {}
