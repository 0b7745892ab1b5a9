// An echo server on package net: a goroutine and a buffer for each connection.
package main

import (
	"net"

	"github.com/metalio/metalio/bench/peers/go/peer"
)

func main() {
	peer.Parse()
	listener, err := net.Listen("tcp", peer.Address())
	peer.Check(err)
	peer.Ready()
	for {
		conn, err := listener.Accept()
		peer.Check(err)
		go echo(conn)
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, *peer.Buffer)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}
