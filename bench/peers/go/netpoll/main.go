// An echo server on netpoll with one poller: a request's bytes are read and
// written without a copy of its own.
package main

import (
	"context"

	"github.com/cloudwego/netpoll"

	"github.com/metalio/metalio/bench/peers/go/peer"
)

func main() {
	peer.Parse()
	peer.Check(netpoll.Configure(netpoll.Config{PollerNum: 1}))
	listener, err := netpoll.CreateListener("tcp", peer.Address())
	peer.Check(err)
	loop, err := netpoll.NewEventLoop(echo)
	peer.Check(err)
	peer.Ready()
	peer.Check(loop.Serve(listener))
}

func echo(_ context.Context, conn netpoll.Connection) error {
	reader, writer := conn.Reader(), conn.Writer()
	data, err := reader.Next(reader.Len())
	if err != nil {
		return err
	}
	// The data belongs to the reader until Release: it has to be copied for
	// the writer, or else be flushed before it is released.
	if _, err := writer.WriteBinary(data); err != nil {
		return err
	}
	if err := writer.Flush(); err != nil {
		return err
	}
	return reader.Release()
}
