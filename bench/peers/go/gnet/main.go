// An echo server on gnet with one event loop, as in its own echo example.
package main

import (
	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"github.com/metalio/metalio/bench/peers/go/peer"
)

type echo struct{ gnet.BuiltinEventEngine }

func (*echo) OnBoot(gnet.Engine) gnet.Action {
	peer.Ready()
	return gnet.None
}

func (*echo) OnTraffic(c gnet.Conn) gnet.Action {
	buf, _ := c.Next(-1)
	c.Write(buf)
	return gnet.None
}

func main() {
	peer.Parse()
	peer.Check(gnet.Run(&echo{}, "tcp://"+peer.Address(),
		gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay), gnet.WithLogLevel(logging.ErrorLevel)))
}
