package main

import (
	"syscall"

	"github.com/metalio/metalio/internal/handles"
)

func prepareProxy() {}

// ownDescriptors is what a warm proxy may have more than a cold one: the loop
// keeps a handle for each 32 sockets that it ever had at one time, and Go a few
// for each thread.
const ownDescriptors = 110

// descriptors counts the proxy's handles.
func (p *child) descriptors() int {
	p.t.Helper()
	n, err := handles.Count(p.cmd.Process.Pid)
	must(p.t, err)
	return n
}

// hasReset reports whether closing with zero linger resets a connection. Under
// Wine, whose server shuts a socket down before it closes it, it does not.
func hasReset() bool {
	return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil
}
