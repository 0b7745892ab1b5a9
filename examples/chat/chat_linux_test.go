package main

import (
	"syscall"
	"testing"
	"time"
)

// TestOutOfDescriptors has a client that the process has no descriptor for.
func TestOutOfDescriptors(t *testing.T) {
	r := testRoom(t, config{idle: time.Minute, drain: time.Hour, clients: 10})
	join(t, r)
	untilClients(t, r, 1)
	join(t, r)
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	wantSleep(t, r)
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	if n := r.clients.Len(); n != 1 {
		t.Errorf("%d clients", n)
	}
	untilClients(t, r, 2)
	r.close()
	r.close()
	must(t, r.run())
}
