//go:build unix

package sockets_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/metalio/metalio/sockets"
)

// A program of package net can hand a connection to a loop, and get it back.
// Each conversion makes another owner of the same connection.
func ExampleFromNetTCP() {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := sockets.FromNetListener(nl.(*net.TCPListener))
	nl.Close() // l goes on listening
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := sockets.FromNetTCP(nc.(*net.TCPConn))
	nc.Close()
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Write([]byte("hello"))
	client.Close()

	back, err := l.ToNet()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer back.Close()
	server, err := back.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	got, err := io.ReadAll(server)
	fmt.Println(string(got), err)
	// Output: hello <nil>
}

func ExampleTCPConn_ToNet() {
	client, server, err := connected()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	nc, err := client.ToNet()
	client.Close()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(nc, "hello") // this may block, as in package net
	nc.Close()
	var buf [16]byte
	err = wait(func() error {
		n, err := server.Read(buf[:])
		fmt.Print(string(buf[:n]))
		return err
	})
	fmt.Println("", err)
	// Output: hello <nil>
}

// A server passes a pipe to its client.
func ExampleUnixConn_WriteFDs() {
	dir, err := os.MkdirTemp("", "sockets")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l, err := sockets.ListenUnix(filepath.Join(dir, "name"), sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close() // it removes the file
	client, err := sockets.DialUnix(l.Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	var server sockets.UnixConn
	if err := wait(func() error { return l.AcceptInto(&server) }); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	r, w, err := sockets.NewPipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	_, err = server.WriteFDs([]byte("a pipe"), []sockets.FD{r.FD()})
	r.Close() // the client has its own
	if err != nil {
		fmt.Println(err)
		return
	}

	var buf [16]byte
	var fds [sockets.MaxFDs]sockets.FD
	var n, nfds int
	err = wait(func() (err error) {
		n, nfds, err = client.ReadFDs(buf[:], fds[:])
		return err
	})
	fmt.Println(string(buf[:n]), nfds, err)
	w.Write([]byte("through it"))
	passed := os.NewFile(fds[0], "pipe")
	defer passed.Close()
	n, err = passed.Read(buf[:])
	fmt.Println(string(buf[:n]), err)
	// Output:
	// a pipe 1 <nil>
	// through it <nil>
}

// Unix sockets connect at once, or not at all.
func ExampleUnixConn_Dial() {
	dir, err := os.MkdirTemp("", "sockets")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l, err := sockets.ListenUnix(filepath.Join(dir, "name"), sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	var client sockets.UnixConn
	fmt.Println(client.Dial(l.Name()), client.ConnectError())
	client.Close()
	server, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	_, err = server.Read(make([]byte, 1))
	fmt.Println(err)
	// Output:
	// <nil> <nil>
	// EOF
}

func ExampleUnixPair() {
	a, b, err := sockets.UnixPair()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	nc, err := b.ToNet()
	b.Close()
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := sockets.FromNetUnix(nc)
	nc.Close()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	a.Write([]byte("hello"))
	var buf [16]byte
	n, err := c.Read(buf[:])
	fmt.Println(string(buf[:n]), err)
	// Output: hello <nil>
}

func ExampleUnixDatagram() {
	dir, err := os.MkdirTemp("", "sockets")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	server, err := sockets.ListenUnixDatagram(filepath.Join(dir, "server"), sockets.ListenConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client, err := sockets.DialUnixDatagram(server.Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	client.Write([]byte("one"))
	client.WriteTo([]byte("two"), server.Name()) // to whomever
	var buf [16]byte
	for range 2 {
		n, err := server.Read(buf[:])
		fmt.Println(string(buf[:n]), err)
	}
	// Output:
	// one <nil>
	// two <nil>
}

func ExampleUDPConn_ToNet() {
	nc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := sockets.FromNetUDP(nc)
	nc.Close() // server goes on receiving
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
	client.Write([]byte("hello"))

	back, err := server.ToNet()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer back.Close()
	var buf [16]byte
	n, _, err := back.ReadFrom(buf[:])
	fmt.Println(string(buf[:n]), err)
	// Output: hello <nil>
}
