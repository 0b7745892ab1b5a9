package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"github.com/metalio/metalio/sockets"
)

// group is the servers that share an address, one for each loop. The system
// spreads the connections over their listeners. The first one also has the
// signals and the report.
type group struct {
	servers []*server
	total   report
}

func newGroup(addr netip.AddrPort, loops int) (*group, error) {
	if loops < 1 {
		return nil, fmt.Errorf("%d loops: at least one is needed", loops)
	}
	g := &group{total: newReport(loops)}
	for i := range loops {
		s, err := newServer(g, i)
		if err != nil {
			g.close()
			return nil, err
		}
		g.servers = append(g.servers, s)
		if err := s.listen(addr, sockets.ListenConfig{ReusePort: loops > 1}); err != nil {
			g.close()
			return nil, err
		}
		addr = s.listener.Addr() // the others' too, if the first one has picked a port
	}
	if err := g.first().loop.Notify(os.Interrupt, syscall.SIGTERM); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *group) first() *server { return g.servers[0] }

func (g *group) addr() netip.AddrPort { return g.first().listener.Addr() }

// serve is the program's life, until a signal or stop ends it.
func (g *group) serve() error {
	fmt.Println("listening on", g.addr())
	if err := g.run(); err != nil {
		return err
	}
	g.report()
	return nil
}

// run runs all loops until stop. One that fails stops the others.
func (g *group) run() error {
	errs := make([]error, len(g.servers))
	var wg sync.WaitGroup
	for i, s := range g.servers {
		wg.Go(func() {
			defer g.stop()
			errs[i] = s.loop.Run(s)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// stop is for any goroutine.
func (g *group) stop() {
	for _, s := range g.servers {
		s.loop.Stop()
	}
}

// report writes the last line, when all loops have ended.
func (g *group) report() {
	for _, s := range g.servers {
		g.total.take(s.figures())
	}
	g.total.write()
}

// close releases everything.
func (g *group) close() {
	for _, s := range g.servers {
		s.close()
	}
}

// publish is called by each server once a second.
func (g *group) publish(s *server) {
	if s != g.first() {
		// Figures that find no room are superseded in a second.
		g.first().loop.Sender().TrySend(s.figures())
		return
	}
	g.total.take(s.figures())
	g.total.writeIfChanged()
}
