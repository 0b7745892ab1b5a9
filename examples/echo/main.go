// Echo is a TCP server that sends back what it receives, on one goroutine and
// without allocating.
//
//	go run ./examples/echo -listen 127.0.0.1:7777
//
// Once a second, if anything has happened, it reports connections, messages and
// the allocations of the whole process. Ctrl-C ends it.
//
// What there is to see: connections live in a slab whose keys are the tokens of
// the event loop; a peer that does not read stops being read from; and a process
// that has no descriptors left stops accepting for a while instead of spinning.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:7777", "address to listen on, as host:port")
	flag.Parse()
	if err := run(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(listen string) error {
	addr, err := resolve(listen)
	if err != nil {
		return err
	}
	s, err := newServer(addr)
	if err != nil {
		return err
	}
	defer s.close()

	fmt.Println("listening on", s.listener.Addr())
	if err := s.loop.Run(s); err != nil {
		return err
	}
	s.report.write(s)
	return nil
}

// resolve looks a host:port up. No host means every address of this machine.
func resolve(listen string) (netip.AddrPort, error) {
	addr, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if addr.IP == nil {
		addr.IP = net.IPv6unspecified
	}
	return addr.AddrPort(), nil
}
