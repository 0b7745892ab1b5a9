package sockets_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"

	"github.com/metalio/metalio/sockets"
)

// A server answers one client of package net. A real program waits in a
// reactor where this one, to stay short, asks again.
func Example() {
	l, err := sockets.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	answer := make(chan string)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer c.Close()
		io.WriteString(c, "hello")
		c.(*net.TCPConn).CloseWrite()
		reply, _ := io.ReadAll(c)
		answer <- string(reply)
	}()

	var conn sockets.TCPConn
	for _, err = l.AcceptInto(&conn); err == sockets.ErrWouldBlock; _, err = l.AcceptInto(&conn) {
		runtime.Gosched()
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	var buf [64]byte
	for err == nil || err == sockets.ErrWouldBlock {
		var n int
		n, err = conn.Read(buf[:])
		if n > 0 {
			conn.Writev([][]byte{[]byte("you said "), buf[:n]})
		}
	}
	fmt.Println(err)
	conn.Close()
	fmt.Println(<-answer)
	// Output:
	// EOF
	// you said hello
}
