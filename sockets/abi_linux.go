package sockets

import "github.com/metalio/metalio"

const hasAbstractNames = true

// Linux's addresses do not carry their length.

func setLen4(*metalio.SockaddrInet4) {}

func setLen6(*metalio.SockaddrInet6) {}

func setLenUnix(*metalio.SockaddrUnix, uint32) {}
