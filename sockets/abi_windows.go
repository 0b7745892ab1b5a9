package sockets

import "github.com/metalio/metalio"

// Windows' addresses do not carry their length.

func setLen4(*metalio.SockaddrInet4) {}

func setLen6(*metalio.SockaddrInet6) {}
