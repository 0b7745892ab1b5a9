package sockets

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/metalio/metalio"
)

const (
	sizeofInet4 = uint32(unsafe.Sizeof(metalio.SockaddrInet4{}))
	sizeofInet6 = uint32(unsafe.Sizeof(metalio.SockaddrInet6{}))
)

// sockaddr is a kernel address of either Internet family.
type sockaddr struct {
	// storage is the larger of the two structures; both begin with the
	// family, in the same place.
	storage metalio.SockaddrInet6
	len     uint32
}

func (a *sockaddr) pointer() unsafe.Pointer { return unsafe.Pointer(&a.storage) }

// inet4 views the storage as the IPv4 structure, which is smaller and aligned
// no more strictly, so the view stays inside.
func (a *sockaddr) inet4() *metalio.SockaddrInet4 {
	return (*metalio.SockaddrInet4)(unsafe.Pointer(&a.storage))
}

// room makes the whole storage available for the kernel to fill.
func (a *sockaddr) room() { a.len = sizeofInet6 }

// set stores ap for a socket of the given family: an IPv4 address for an IPv6
// socket is mapped.
func (a *sockaddr) set(ap netip.AddrPort, family int) error {
	ip := ap.Addr()
	if !ip.IsValid() {
		return errInvalidAddr
	}
	*a = sockaddr{}
	if family == metalio.AF_INET {
		if ip = ip.Unmap(); !ip.Is4() {
			return errAddrFamily
		}
		a.set4(ip, ap.Port())
		return nil
	}
	scope, err := scopeID(ip.Zone())
	if err != nil {
		return err
	}
	a.set6(ip, ap.Port(), scope)
	return nil
}

func (a *sockaddr) set4(ip netip.Addr, port uint16) {
	sa := a.inet4()
	sa.Family = metalio.AF_INET
	sa.Addr = ip.As4()
	binary.BigEndian.PutUint16(sa.Port[:], port)
	setLen4(sa)
	a.len = sizeofInet4
}

func (a *sockaddr) set6(ip netip.Addr, port uint16, scope uint32) {
	sa := &a.storage
	sa.Family = metalio.AF_INET6
	sa.Addr = ip.As16()
	sa.ScopeId = scope
	binary.BigEndian.PutUint16(sa.Port[:], port)
	setLen6(sa)
	a.len = sizeofInet6
}

// addrPort gives the address unmapped, or the zero AddrPort for a family that
// is not the Internet's (an unnamed socket).
func (a *sockaddr) addrPort() netip.AddrPort {
	switch {
	case a.storage.Family == metalio.AF_INET && a.len >= sizeofInet4:
		sa := a.inet4()
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), binary.BigEndian.Uint16(sa.Port[:]))
	case a.storage.Family == metalio.AF_INET6 && a.len >= sizeofInet6:
		ip := netip.AddrFrom16(a.storage.Addr).Unmap()
		if a.storage.ScopeId != 0 && ip.Is6() {
			ip = ip.WithZone(strconv.FormatUint(uint64(a.storage.ScopeId), 10))
		}
		return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(a.storage.Port[:]))
	}
	return netip.AddrPort{}
}

// familyOf gives the socket family for an address; a mapped IPv4 address is IPv4.
func familyOf(a netip.Addr) int {
	if a.Unmap().Is4() {
		return metalio.AF_INET
	}
	return metalio.AF_INET6
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
