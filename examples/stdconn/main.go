// Stdconn is a server for package net's connections in which idle ones have no
// goroutine.
//
//	go run ./examples/stdconn -clients 1000        # drives itself
//	go run ./examples/stdconn -listen 127.0.0.1:7780
//
// A program that uses package net has a goroutine, with its stack and its
// buffers, for each connection, also when nothing comes: a thousand keep-alive
// connections are a thousand goroutines that sleep in Read. Here a connection
// that waits for its next request is parked: registered with a reactor.Poll and
// left alone. When it becomes readable a goroutine takes it back and reads, as
// package net does it, with deadlines and net/http's parser; then it parks the
// connection and ends.
//
// SIGTERM or Ctrl-C ends it when the requests under way have been answered, for
// which they have ten seconds, and another one at once.
//
// lot.go is the parking lot and can be used with other protocols; server.go is
// the program that uses it.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:7780", "address to listen on, as host:port")
	idle := flag.Duration("idle", time.Minute, "how long a connection may wait for its next request; 0 is for ever")
	clients := flag.Int("clients", 0, "connect this many clients, compare goroutines, and end")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "stdconn: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*listen, *idle, *clients); err != nil {
		fmt.Fprintln(os.Stderr, "stdconn:", err)
		os.Exit(1)
	}
}

func run(listen string, idle time.Duration, clients int) error {
	if clients < 0 {
		return fmt.Errorf("-clients %d", clients)
	}
	if clients > 0 {
		listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	s, err := newServer(l, idle, hello)
	if err != nil {
		l.Close()
		return err
	}
	defer s.close()
	s.start(func(err error) { fmt.Fprintln(os.Stderr, "stdconn:", err) })
	if clients > 0 {
		return demonstrate(os.Stdout, s, clients)
	}
	fmt.Println("listening on", l.Addr())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	signal.Stop(stop) // another one does not wait for the requests under way
	return nil
}

// client is one keep-alive connection. It has no goroutine of its own either.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(addr net.Addr) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr.String(), 10*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{conn, bufio.NewReader(conn)}, nil
}

// get returns the body of the answer.
func (c *client) get(path string) (string, error) {
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return "", err
	}
	return c.receive()
}

func (c *client) receive() (string, error) {
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func demonstrate(out io.Writer, s *server, clients int) error {
	before := runtime.NumGoroutine()
	fmt.Fprintf(out, "no connections: %d goroutines\n", before)
	all := make([]*client, clients)
	for i := range all {
		c, err := dial(s.listener.Addr())
		if err != nil {
			return err
		}
		defer c.conn.Close()
		all[i] = c
	}
	for _, path := range []string{"/first", "/second"} {
		for _, c := range all {
			got, err := c.get(path)
			if err != nil {
				return err
			}
			if want := "GET " + path + ", 0 bytes\n"; got != want {
				return fmt.Errorf("got %q, want %q", got, want)
			}
		}
		for !s.lot.allParked() { // the last ones are on their way
			time.Sleep(time.Millisecond)
		}
		fmt.Fprintf(out, "%d idle connections after %s: %d goroutines\n", s.lot.len(), path, runtime.NumGoroutine())
	}
	return nil
}
