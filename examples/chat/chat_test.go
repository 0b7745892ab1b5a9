package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestChat(t *testing.T) {
	r, err := newRoom("127.0.0.1:0", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	addr := r.listener.Addr().String()
	go func() { done <- r.run() }()
	var conns [2]net.Conn
	var in [2]*bufio.Reader
	for i := range conns {
		if conns[i], err = net.Dial("tcp", addr); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		conns[i].SetDeadline(time.Now().Add(10 * time.Second))
		in[i] = bufio.NewReader(conns[i])
	}
	want := func(i int, line string) {
		t.Helper()
		if got, err := in[i].ReadString('\n'); got != line || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, line)
		}
	}
	time.Sleep(50 * time.Millisecond) // both are accepted
	io.WriteString(conns[0], "hel")
	io.WriteString(conns[0], "lo\nagain\n")
	want(1, "hello\n")
	want(1, "again\n")
	r.console(bufio.NewScanner(strings.NewReader("from the console\n")))
	want(0, "* from the console\n")
	want(1, "* from the console\n")
	io.WriteString(conns[0], strings.Repeat("x", maxLine+1))
	want(0, "* bye: line too long\n")
	r.loop.Stop()
	want(1, "* bye: the room closes\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
