//go:build unix && !linux

package sockets

import "github.com/metalio/metalio"

const hasAbstractNames = false

// Addresses of the BSD family begin with their length.

func setLen4(sa *metalio.SockaddrInet4) { sa.Len = uint8(sizeofInet4) }

func setLen6(sa *metalio.SockaddrInet6) { sa.Len = uint8(sizeofInet6) }

func setLenUnix(sa *metalio.SockaddrUnix, size uint32) { sa.Len = uint8(size) }
