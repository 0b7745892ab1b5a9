package sockets_test

import (
	"io"
	"net"
	"testing"

	"github.com/metalio/metalio"
	"github.com/metalio/metalio/sockets"
)

// Both ends are in one goroutine: what is measured is the calls themselves.

func writeRead(b *testing.B, w io.Writer, r io.Reader) {
	b.Helper()
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTCPWriteRead(b *testing.B) {
	out, in := pair(b)
	writeRead(b, out, in)
}

// BenchmarkNetWriteRead is the same with package net, to compare with.
func BenchmarkNetWriteRead(b *testing.B) {
	l := must[net.Listener](b)(net.Listen("tcp", loopback.String()))
	closing(b, l)
	out := must[net.Conn](b)(net.Dial("tcp", l.Addr().String()))
	closing(b, out)
	in := must[net.Conn](b)(l.Accept())
	closing(b, in)
	writeRead(b, out, in)
}

func BenchmarkWritevReadv(b *testing.B) {
	out, in := pair(b)
	var head, body [32]byte
	bufs := [][]byte{head[:], body[:]}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := out.Writev(bufs); err != nil {
			b.Fatal(err)
		}
		if _, err := in.Readv(bufs); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadWouldBlock(b *testing.B) {
	_, in := pair(b)
	var buf [64]byte
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Read(buf[:]); err != sockets.ErrWouldBlock {
			b.Fatal(err)
		}
	}
}

func BenchmarkPipe(b *testing.B) {
	r, w := newPipe(b)
	writeRead(b, w, r)
}

func BenchmarkUDPDatagram(b *testing.B) {
	out, in := listenUDP(b), listenUDP(b)
	to := in.LocalAddr()
	var buf [64]byte
	b.ReportAllocs()
	for b.Loop() {
		if _, err := out.WriteTo(buf[:], to); err != nil {
			b.Fatal(err)
		}
		if _, _, err := in.ReadFrom(buf[:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUDPBatch reports the time for one datagram of a batch of 32.
func BenchmarkUDPBatch(b *testing.B) {
	const size = 32
	out, in := listenUDP(b), listenUDP(b)
	batch := sockets.NewBatch(size)
	sent, received := messages(size, 64), messages(size, 64)
	for i := range sent {
		sent[i].N, sent[i].Addr = 64, in.LocalAddr()
	}
	b.ReportAllocs()
	rounds := 0
	for b.Loop() {
		if _, err := out.WriteBatch(batch, sent); err != nil {
			b.Fatal(err)
		}
		for got := 0; got < size; {
			n, err := in.ReadBatch(batch, received)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
		rounds++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*size), "ns/datagram")
}

func BenchmarkDialAcceptClose(b *testing.B) {
	l := listen(b, sockets.ListenConfig{})
	addr := l.Addr()
	var dialed, accepted sockets.TCPConn
	b.ReportAllocs()
	for b.Loop() {
		if err := dialed.Dial(addr); err != nil {
			b.Fatal(err)
		}
		await(b, l.FD(), metalio.Readable)
		if _, err := l.AcceptInto(&accepted); err != nil {
			b.Fatal(err)
		}
		// The side that closes with a reset leaves no port in TIME-WAIT.
		if err := dialed.SetLinger(0); err != nil {
			b.Fatal(err)
		}
		dialed.Close()
		accepted.Close()
	}
}
