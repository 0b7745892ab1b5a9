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

// An echo server for datagrams: what ReadBatch received, WriteBatch sends back
// as it is, since each message carries its sender and its length.
func ExampleUDPConn_ReadBatch() {
	server, err := sockets.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"), sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client, err := sockets.DialUDP(server.LocalAddr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	for _, word := range []string{"one", "two", "three"} {
		client.Write([]byte(word))
	}

	batch := sockets.NewBatch(8)
	messages := make([]sockets.Message, batch.Cap())
	for i := range messages {
		messages[i].Buf = make([]byte, 1500)
	}
	for echoed := 0; echoed < 3; {
		n, err := server.ReadBatch(batch, messages)
		if err == sockets.ErrWouldBlock {
			runtime.Gosched()
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		server.WriteBatch(batch, messages[:n])
		echoed += n
	}

	var buf [1500]byte
	for answers := 0; answers < 3; {
		n, err := client.Read(buf[:])
		if err == sockets.ErrWouldBlock {
			runtime.Gosched()
			continue
		}
		fmt.Println(string(buf[:n]), err)
		answers++
	}
	// Output:
	// one <nil>
	// two <nil>
	// three <nil>
}
