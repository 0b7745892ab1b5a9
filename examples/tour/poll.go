package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/metalio/metalio/reactor"
	"github.com/metalio/metalio/sockets"
)

// fixture is a Poll and a pipe to watch with it.
type fixture struct {
	poll   *reactor.Poll
	r      *sockets.PipeReader
	w      *sockets.PipeWriter
	events [16]reactor.Event
}

func newFixture() (*fixture, error) {
	poll, err := reactor.NewPoll(reactor.PollConfig{})
	if err != nil {
		return nil, err
	}
	r, w, err := sockets.NewPipe()
	if err != nil {
		poll.Close()
		return nil, err
	}
	return &fixture{poll: poll, r: r, w: w}, nil
}

func (f *fixture) close() {
	f.poll.Close()
	f.r.Close()
	f.w.Close()
}

// count is how many events a Wait that does not sleep returns.
func (f *fixture) count() (int, error) { return f.poll.Wait(f.events[:], 0) }

func registration(g guide) error {
	f, err := newFixture()
	if err != nil {
		return err
	}
	defer f.close()
	const token = 0xfeed_beef_cafe_f00d // all 64 bits are yours
	if err := f.poll.RegisterSource(f.r, token, reactor.Readable, reactor.Level); err != nil {
		return err
	}
	f.w.Write([]byte("hello"))
	if _, err := f.poll.Wait(f.events[:], -1); err != nil {
		return err
	}
	ev := f.events[0]
	if err := expect(g, "the event's token", fmt.Sprintf("%#x", ev.Token()), "0xfeedbeefcafef00d"); err != nil {
		return err
	}
	if err := expect(g, "it is", ev.Ready().String(), "readable"); err != nil {
		return err
	}

	err = f.poll.RegisterSource(f.r, token, reactor.Readable, reactor.Level)
	g.say("a second time: %v", err)
	if !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("that is not EEXIST: %w", err)
	}
	if err := f.poll.Deregister(f.r.FD()); err != nil {
		return err
	}
	err = f.poll.Deregister(f.r.FD())
	g.say("deregistered twice: %v", err)
	if !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("that is not ENOENT: %w", err)
	}
	n, err := f.count()
	if err != nil {
		return err
	}
	return expect(g, "events after that", n, 0)
}

// modes leaves data in the pipe and asks three times. Then it reads until the
// pipe would block, as Edge obliges it to, writes again and asks once more.
func modes(g guide) error {
	for _, m := range []struct {
		mode reactor.Mode
		want string
	}{
		{reactor.Level, "[1 1 1], after more data 1"},
		{reactor.Edge, "[1 0 0], after more data 1"},
		{reactor.OneShot, "[1 0 0], after more data 0"},
	} {
		got, err := askThreeTimes(m.mode)
		if err != nil {
			return err
		}
		if err := expect(g, fmt.Sprint("events, ", m.mode), got, m.want); err != nil {
			return err
		}
	}
	return nil
}

func askThreeTimes(mode reactor.Mode) (string, error) {
	f, err := newFixture()
	if err != nil {
		return "", err
	}
	defer f.close()
	if err := f.poll.RegisterSource(f.r, 1, reactor.Readable, mode); err != nil {
		return "", err
	}
	var counts [4]int
	for i := range counts {
		if i == 3 {
			drain(f.r)
		}
		if i == 0 || i == 3 {
			f.w.Write([]byte("x"))
		}
		if counts[i], err = f.count(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%v, after more data %d", counts[:3], counts[3]), nil
}

// drain reads until the pipe would block.
func drain(r *sockets.PipeReader) {
	var buf [64]byte
	for {
		if _, err := r.Read(buf[:]); err != nil {
			return
		}
	}
}

func waker(g guide) error {
	f, err := newFixture()
	if err != nil {
		return err
	}
	defer f.close()
	w, err := f.poll.NewWaker(99)
	if err != nil {
		return err
	}
	// Usually another goroutine does this, while this one waits.
	for range 1000 {
		if err := w.Wake(); err != nil {
			return err
		}
	}
	n, err := f.poll.Wait(f.events[:], -1)
	if err != nil {
		return err
	}
	if err := expect(g, "events for 1000 wakes", n, 1); err != nil {
		return err
	}
	return expect(g, "token", f.events[0].Token(), 99)
}

func timeout(g guide) error {
	f, err := newFixture()
	if err != nil {
		return err
	}
	defer f.close()
	const d = 1500 * time.Microsecond
	start := time.Now()
	n, err := f.poll.Wait(f.events[:], d)
	elapsed := time.Since(start)
	if err != nil {
		return err
	}
	if err := expect(g, "events within 1.5 ms", n, 0); err != nil {
		return err
	}
	return expect(g, "returned before they had passed", elapsed < d, false)
}
