// An echo server on evio with one loop, as in its own echo example.
package main

import (
	"github.com/tidwall/evio"

	"github.com/metalio/metalio/bench/peers/go/peer"
)

func main() {
	peer.Parse()
	var events evio.Events
	events.NumLoops = 1
	events.Serving = func(evio.Server) evio.Action {
		peer.Ready()
		return evio.None
	}
	events.Data = func(_ evio.Conn, in []byte) (out []byte, action evio.Action) {
		return in, evio.None
	}
	peer.Check(evio.Serve(events, "tcp://"+peer.Address()))
}
