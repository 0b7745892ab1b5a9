package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/sockets"
)

// diary is a handler that notes what it was called for.
type diary struct {
	reactor.Unhandled[string]
	notes []string
}

func (d *diary) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *diary) Message(_ *reactor.Loop[string], msg string) { d.note("message %q", msg) }

func (d *diary) Timeout(l *reactor.Loop[string], token reactor.Token, _ uint32) {
	d.note("timer %d", token)
	if token == 2 {
		l.Stop()
	}
}

func messagesAndTimers(g guide) error {
	l, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := l.After(2*time.Millisecond, 2); err != nil {
		return err
	}
	if _, err := l.After(time.Millisecond, 1); err != nil {
		return err
	}
	if err := l.Sender().TrySend("from any goroutine"); err != nil {
		return err
	}
	d := &diary{}
	if err := l.Run(d); err != nil {
		return err
	}
	return expect(g, "handled", strings.Join(d.notes, ", "), `message "from any goroutine", timer 1, timer 2`)
}

func (d *diary) Signal(l *reactor.Loop[string], sig os.Signal) {
	d.note("signal %v", sig)
	l.Stop()
}

func signal(g guide) error {
	l, err := reactor.NewLoop[string](reactor.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Notify(os.Interrupt); err != nil {
		return err
	}
	if err := interruptSelf(); errors.Is(err, errors.ErrUnsupported) {
		g.say("only Ctrl-C sends one on this system")
		return nil
	} else if err != nil {
		return err
	}
	d := &diary{}
	if err := l.Run(d); err != nil {
		return err
	}
	return expect(g, "handled", strings.Join(d.notes, ", "), "signal interrupt")
}

// rivals are two pipes, both readable. Whichever comes first closes the other.
type rivals struct {
	reactor.Unhandled[struct{}]
	r     [2]*sockets.PipeReader
	calls int
}

func (v *rivals) Readable(l *reactor.Loop[struct{}], token reactor.Token, _ reactor.Ready) {
	v.calls++
	other := v.r[1-token]
	l.Deregister(other.FD())
	other.Close()
}

func staleEvents(g guide) error {
	l, err := reactor.NewLoop[struct{}](reactor.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	v := &rivals{}
	for i := range v.r {
		r, w, err := sockets.NewPipe()
		if err != nil {
			return err
		}
		defer closeUnlessClosed(r)
		defer w.Close()
		w.Write([]byte("x"))
		if err := l.RegisterSource(r, reactor.Token(i), reactor.Readable, reactor.Level); err != nil {
			return err
		}
		v.r[i] = r
	}
	if _, err := l.RunOnce(v, -1); err != nil {
		return err
	}
	stats := l.Stats()
	if err := expect(g, "events in the batch", stats.Events, 2); err != nil {
		return err
	}
	if err := expect(g, "handler calls", v.calls, 1); err != nil {
		return err
	}
	return expect(g, "dropped as stale", stats.Stale, 1)
}

func closeUnlessClosed(r *sockets.PipeReader) {
	if err := r.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		panic(err)
	}
}
