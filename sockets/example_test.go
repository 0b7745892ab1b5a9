package sockets_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"time"

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

// wait repeats an operation that would have blocked, where a program would wait
// in a reactor.
func wait(operation func() error) error {
	for {
		if err := operation(); err != sockets.ErrWouldBlock {
			return err
		}
		runtime.Gosched()
	}
}

// connected returns two connections that are connected to each other.
func connected() (client, server *sockets.TCPConn, err error) {
	l, err := sockets.ListenTCP(loopback, sockets.ListenConfig{})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if client, err = sockets.DialTCP(l.Addr()); err != nil {
		return nil, nil, err
	}
	if err = wait(client.ConnectError); err != nil {
		return nil, nil, err
	}
	err = wait(func() (err error) {
		server, _, err = l.Accept()
		return err
	})
	return client, server, err
}

func ExampleDialTCP() {
	l, err := sockets.ListenTCP(loopback, sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	client, err := sockets.DialTCP(l.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	if err := wait(client.ConnectError); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.RemoteAddr() == l.Addr(), client.LocalAddr().Addr())

	// A connection that is a field of something is dialed in its place, here
	// from a given address.
	var record struct{ conn sockets.TCPConn }
	if err := record.conn.DialFrom(loopback, l.Addr()); err != nil {
		fmt.Println(err)
		return
	}
	defer record.conn.Close()
	fmt.Println(wait(record.conn.ConnectError))
	// Output:
	// true 127.0.0.1
	// <nil>
}

func ExampleTCPConn_Readv() {
	client, server, err := connected()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	defer server.Close()

	bufs := [][]byte{[]byte("head"), []byte("body")}
	fmt.Println(len(bufs) <= sockets.MaxBuffers) // in one system call, that is
	client.Writev(bufs)
	client.CloseWrite()

	var head, body [4]byte
	err = wait(func() error {
		_, err := server.Readv([][]byte{head[:], body[:]})
		return err
	})
	fmt.Println(string(head[:]), string(body[:]), err)
	fmt.Println(server.CloseRead()) // whatever else comes is not wanted
	// Output:
	// true
	// head body <nil>
	// <nil>
}

// Options, of which none is set by itself.
func ExampleTCPConn_SetNoDelay() {
	client, server, err := connected()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	defer server.Close()
	fmt.Println(client.SetNoDelay(true), client.SetReadBuffer(64<<10), client.SetWriteBuffer(64<<10))
	// Output: <nil> <nil> <nil>
}

// The probes of a connection that must not look alive when it is not. There is
// no Output because Wine knows no periods.
func ExampleTCPConn_SetKeepAlive() {
	client, server, err := connected()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	defer server.Close()
	err = client.SetKeepAlive(net.KeepAliveConfig{Enable: true, Idle: time.Minute})
	if err != nil {
		fmt.Println(err)
	}
}

// UDP without connections: each datagram has its own address.
func ExampleUDPConn_WriteTo() {
	server, err := sockets.ListenUDP(loopback, sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client, err := sockets.ListenUDP(loopback, sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println("peer:", client.RemoteAddr().IsValid(), client.SetBroadcast(false))

	client.WriteTo([]byte("hello"), server.LocalAddr())
	client.WriteTo([]byte("a long datagram"), server.LocalAddr())
	var room [5]byte
	for range 2 {
		var from netip.AddrPort
		err := wait(func() (err error) {
			_, from, err = server.ReadFrom(room[:])
			return err
		})
		fmt.Println(string(room[:]), from == client.LocalAddr(), err == sockets.ErrTruncated)
	}
	// Output:
	// peer: false <nil>
	// hello true false
	// a lon true true
}

// Both ends of a pipe in one value, for a record that owns them.
func ExamplePipe() {
	var p sockets.Pipe
	if err := p.Open(); err != nil {
		fmt.Println(err)
		return
	}
	p.W.Write([]byte("hello"))
	var buf [16]byte
	var n int
	err := wait(func() (err error) {
		n, err = p.R.Read(buf[:])
		return err
	})
	fmt.Println(string(buf[:n]), err)
	fmt.Println(p.Close())
	// Output:
	// hello <nil>
	// <nil>
}

// A Socket is any of them, for code that only registers and closes.
func ExampleSocket() {
	client, server, err := connected()
	if err != nil {
		fmt.Println(err)
		return
	}
	numbers := map[sockets.FD]bool{}
	for _, s := range []sockets.Socket{client, server} {
		numbers[s.FD()] = true
		s.Close()
	}
	fmt.Println(len(numbers))
	// Output: 2
}
