// Proxy is a TCP proxy on one goroutine, which does not allocate once it is warm.
//
//	go run ./examples/proxy -listen 127.0.0.1:7779 -to 127.0.0.1:6379
//
// What there is to see: sockets are registered once, edge-triggered, and asked
// about again only when one has used up its share of a turn; a side that does not
// take its data stops the other one from being read; the end of one direction is
// passed on while the other goes on; and a connection that is cut, for whatever
// reason, is reset, so that nobody takes a part for the whole.
//
// With -splice (Linux) streams pass from socket to socket inside the kernel.
// What comes in small pieces is copied even so: that takes fewer system calls.
//
// Once a second, if anything has happened, it reports connections, bytes, the
// allocations of the whole process, and the loop's lag. Ctrl-C or SIGTERM makes
// it accept no more and end with its last connection, after -drain, or at the
// next signal.
//
// Urgent data (TCP's, of which hardly any protocol knows) is not passed on, and
// may hold back what follows it until more comes.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// config is what the flags say.
type config struct {
	listen, to string
	splice     bool
	idle       time.Duration // 0 is for ever
	drain      time.Duration
}

func main() {
	var cfg config
	flag.StringVar(&cfg.listen, "listen", "127.0.0.1:7779", "address to listen on, as host:port")
	flag.StringVar(&cfg.to, "to", "127.0.0.1:7777", "address to connect to, as host:port, resolved once")
	flag.BoolVar(&cfg.splice, "splice", false, "move streams inside the kernel (Linux)")
	flag.DurationVar(&cfg.idle, "idle", 10*time.Minute, "reset a connection on which nothing has moved for so long; 0 is never")
	flag.DurationVar(&cfg.drain, "drain", 30*time.Second, "how long connections may go on after a signal to end")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "proxy: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(cfg); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func run(cfg config) error {
	p, err := newProxy(cfg)
	if err != nil {
		return err
	}
	defer p.close()

	fmt.Println("listening on", p.listener.Addr())
	if err := p.loop.Run(p); err != nil {
		return err
	}
	p.report.write(p) // what is open now is cut
	return nil
}

// resolve looks a host:port up. No host is unspecified.
func resolve(hostPort string, unspecified net.IP) (netip.AddrPort, error) {
	addr, err := net.ResolveTCPAddr("tcp", hostPort)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if addr.IP == nil {
		addr.IP = unspecified
	}
	return addr.AddrPort(), nil
}
