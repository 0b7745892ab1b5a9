package sockets

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// familyOf gives the socket family for an address; a mapped IPv4 address is IPv4.
func familyOf(a netip.Addr) int {
	if a.Unmap().Is4() {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

// scopeID turns a zone, an interface's name or number, into the number that
// sockaddr_in6 carries.
func scopeID(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("zone %q: %w", zone, err)
	}
	return uint32(ifi.Index), nil
}

var (
	errInvalidAddr = fmt.Errorf("invalid address: %w", os.ErrInvalid)
	errAddrFamily  = fmt.Errorf("IPv6 address for an IPv4 socket: %w", syscall.EAFNOSUPPORT)
)
