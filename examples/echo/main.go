// Echo is a TCP server that sends back what it receives, on one goroutine for
// each loop and without allocating.
//
//	go run ./examples/echo -listen 127.0.0.1:7777 -loops 1
//
// Once a second, if anything has happened, it reports connections, messages and
// the allocations of the whole process. Ctrl-C ends it.
//
// What there is to see: connections live in a slab whose keys are the tokens of
// the event loop; a peer that does not read stops being read from; a process
// that has no descriptors left stops accepting for a while instead of spinning;
// and several loops share an address, each with its own listener, and tell the
// first one their figures by messages.
//
// Urgent data (TCP's, of which hardly any protocol knows) is not sent back, and
// may hold back what follows it until more comes.
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
	loops := flag.Int("loops", 1, "event loops that share the address")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "echo: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*listen, *loops); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(listen string, loops int) error {
	addr, err := resolve(listen)
	if err != nil {
		return err
	}
	g, err := newGroup(addr, loops)
	if err != nil {
		return err
	}
	defer g.close()
	return g.serve()
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
