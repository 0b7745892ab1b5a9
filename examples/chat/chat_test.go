package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/metalio/metalio/slab"
)

const bye = "* bye: the room closes\n"

func testRoom(t *testing.T, cfg config) *room {
	t.Helper()
	cfg.listen = "127.0.0.1:0"
	r, err := newRoom(cfg)
	must(t, err)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func join(t *testing.T, r *room) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", r.listener.Addr().String())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// untilClients turns the loop, on the test's goroutine, until there are n.
func untilClients(t *testing.T, r *room, n int) {
	t.Helper()
	for range 1000 {
		if r.clients.Len() == n {
			return
		}
		_, err := r.loop.RunOnce(r, 10*time.Millisecond)
		must(t, err)
	}
	t.Fatalf("%d clients, want %d", r.clients.Len(), n)
}

func wantLine(t *testing.T, in *bufio.Reader, line string) {
	t.Helper()
	if got, err := in.ReadString('\n'); got != line || err != nil {
		t.Fatalf("got %q, %v, want %q", got, err, line)
	}
}

func TestChat(t *testing.T) {
	r := testRoom(t, config{idle: time.Minute, drain: 30 * time.Second, clients: 10})
	var conns [2]*net.TCPConn
	var in [2]*bufio.Reader
	for i := range conns {
		conns[i] = join(t, r)
		in[i] = bufio.NewReader(conns[i])
	}
	untilClients(t, r, 2)
	done := make(chan error, 1)
	go func() { done <- r.run() }()
	io.WriteString(conns[0], "hel")
	io.WriteString(conns[0], "lo\nagain\n")
	wantLine(t, in[1], "hello\n")
	wantLine(t, in[1], "again\n")
	r.console(bufio.NewReader(strings.NewReader("from the console\n")))
	wantLine(t, in[0], "* from the console\n")
	wantLine(t, in[1], "* from the console\n")
	io.WriteString(conns[0], strings.Repeat("x", maxLine+1))
	wantLine(t, in[0], "* bye: line too long\n")
	// A line that is too long for the console's reader does not end it, and
	// what its pieces say is no command.
	long := strings.Repeat("y", 64)
	r.console(bufio.NewReaderSize(strings.NewReader(long+quit+"\n"+quit), len(long)))
	wantLine(t, in[1], "* "+long+"\n")
	wantLine(t, in[1], "* "+quit+"\n")
	wantLine(t, in[1], bye)
	if _, err := in[1].ReadByte(); err != io.EOF {
		t.Errorf("then %v, want the end", err)
	}
	conns[1].Close() // nobody is left to wait for
	must(t, <-done)
}

// TestSilenceForEver has a room that does not mind silence.
func TestSilenceForEver(t *testing.T) {
	r := testRoom(t, config{drain: 30 * time.Second, clients: 10})
	c := join(t, r)
	untilClients(t, r, 1)
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		_, err := r.loop.RunOnce(r, 10*time.Millisecond)
		must(t, err)
	}
	if n := r.clients.Len(); n != 1 {
		t.Errorf("%d clients, want the silent one", n)
	}
	c.Close()
	untilClients(t, r, 0)
	r.close()
	must(t, r.run())
}

func TestBadConfig(t *testing.T) {
	for _, cfg := range []config{
		{listen: "127.0.0.1:0"},
		{listen: "127.0.0.1:0", clients: -1},
		{listen: ":0", clients: 1},
	} {
		if _, err := newRoom(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// congest has the client, which does not read, be owed a part of what was said.
func congest(t *testing.T, r *room) (said []byte) {
	t.Helper()
	line := []byte(strings.Repeat("x", maxLine-1) + "\n")
	for range 1 << 16 {
		for _, c := range r.clients.All() {
			if len(c.out) > 0 {
				return said
			}
		}
		r.broadcast(0, line)
		said = append(said, line...)
	}
	t.Fatal("the kernel takes everything")
	return nil
}

// TestGoodbyeIsDelivered closes the room on a client that has not read what was
// said before, and goes on talking.
func TestGoodbyeIsDelivered(t *testing.T) {
	r := testRoom(t, config{idle: time.Minute, drain: 30 * time.Second, clients: 10})
	c := join(t, r)
	untilClients(t, r, 1)
	said := congest(t, r)
	io.WriteString(c, "unread\n")
	r.close()
	done := make(chan error, 1)
	go func() { done <- r.run() }()
	got, err := io.ReadAll(c)
	must(t, err)
	if want := append(said, bye...); !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, ending in %q, want %d", len(got), got[max(0, len(got)-30):], len(want))
	}
	c.Close()
	must(t, <-done)
}

// TestDrainIsBounded has a client that neither reads nor leaves.
func TestDrainIsBounded(t *testing.T) {
	r := testRoom(t, config{idle: time.Minute, drain: 50 * time.Millisecond, clients: 10})
	join(t, r)
	untilClients(t, r, 1)
	congest(t, r)
	r.close()
	must(t, r.run())
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	r := testRoom(t, config{idle: time.Minute, drain: time.Hour, clients: 10})
	join(t, r)
	untilClients(t, r, 1)
	r.Signal(r.loop, os.Interrupt)
	r.Signal(r.loop, os.Interrupt)
	must(t, r.run())
}

// wantSleep runs the loop while a client waits for whom there is no room.
func wantSleep(t *testing.T, r *room) {
	t.Helper()
	before := r.loop.Stats().Turns
	for start := time.Now(); time.Since(start) < 4*acceptPause; {
		_, err := r.loop.RunOnce(r, acceptPause)
		must(t, err)
	}
	// Each pause takes two: one to its end, and one to find the client again.
	if turns := r.loop.Stats().Turns - before; turns > 40 {
		t.Errorf("%d turns: it spins", turns)
	}
}

// TestFullRoom has a client for whom there is no room. It is let in when
// another one leaves, and the loop sleeps until then.
func TestFullRoom(t *testing.T) {
	r := testRoom(t, config{idle: time.Minute, drain: time.Hour, clients: 2})
	first := join(t, r)
	join(t, r)
	untilClients(t, r, 2)
	var let slab.Key
	for let = range r.clients.All() {
		break
	}
	third := join(t, r)
	wantSleep(t, r)
	first.Close()
	io.WriteString(third, "hello\n")
	for range 1000 {
		if _, ok := r.clients.Get(let); !ok && r.clients.Len() == 2 {
			break
		}
		_, err := r.loop.RunOnce(r, 10*time.Millisecond)
		must(t, err)
	}
	if _, ok := r.clients.Get(let); ok || r.clients.Len() != 2 {
		t.Errorf("%d clients", r.clients.Len())
	}
	r.close()
	r.close()
	must(t, r.run())
}
