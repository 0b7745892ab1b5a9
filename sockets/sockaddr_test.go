package sockets

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
)

func TestSockaddrRoundTrip(t *testing.T) {
	for _, c := range []struct {
		in     string
		family int
		out    string
	}{
		{"192.0.2.1:80", syscall.AF_INET, "192.0.2.1:80"},
		{"[::ffff:192.0.2.1]:80", syscall.AF_INET, "192.0.2.1:80"},
		{"192.0.2.1:65535", syscall.AF_INET6, "192.0.2.1:65535"},
		{"[2001:db8::1]:443", syscall.AF_INET6, "[2001:db8::1]:443"},
		{"[::]:0", syscall.AF_INET6, "[::]:0"},
		{"[fe80::1%7]:1", syscall.AF_INET6, "[fe80::1%7]:1"},
	} {
		t.Run(c.in, func(t *testing.T) {
			var sa sockaddr
			if err := sa.set(netip.MustParseAddrPort(c.in), c.family); err != nil {
				t.Fatal(err)
			}
			if got := sa.addrPort().String(); got != c.out {
				t.Fatalf("got %s, want %s", got, c.out)
			}
		})
	}
}

func TestSockaddrZoneByName(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) == 0 {
		t.Skip("no interfaces can be listed:", err)
	}
	name, index := interfaces[0].Name, interfaces[0].Index
	var sa sockaddr
	addr := netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(name), 9)
	if err := sa.set(addr, syscall.AF_INET6); err != nil {
		t.Fatal(err)
	}
	if got, want := sa.addrPort().Addr().Zone(), strconv.Itoa(index); got != want {
		t.Fatalf("zone %s came back as %s, want %s", name, got, want)
	}
}

func TestSockaddrRefuses(t *testing.T) {
	var sa sockaddr
	if err := sa.set(netip.AddrPort{}, syscall.AF_INET); !errors.Is(err, errInvalidAddr) {
		t.Errorf("the zero address: %v", err)
	}
	if err := sa.set(netip.MustParseAddrPort("[::1]:1"), syscall.AF_INET); !errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Errorf("IPv6 for IPv4: %v", err)
	}
	sa = sockaddr{}
	if got := sa.addrPort(); got.IsValid() {
		t.Errorf("an unnamed address is %v", got)
	}
	sa.room()
	sa.storage.Family = syscall.AF_INET6
	sa.len = 2
	if got := sa.addrPort(); got.IsValid() {
		t.Errorf("a cut address is %v", got)
	}
}
