//go:build unix

package signals_test

import (
	"fmt"
	"os"
	"syscall"

	"github.com/metalio/metalio/signals"
)

// A program without an event loop sleeps by receiving from a channel. The
// channel's buffer keeps a wake that comes before the sleep.
func Example() {
	woken := make(chan struct{}, 1)
	set := signals.New(func() error {
		select {
		case woken <- struct{}{}:
		default:
		}
		return nil
	})
	defer set.Close()
	if err := set.Add(os.Interrupt, syscall.SIGTERM); err != nil {
		fmt.Println(err)
		return
	}

	syscall.Kill(os.Getpid(), syscall.SIGTERM) // somebody wants us to end

	for {
		<-woken
		for sig, ok := set.Take(); ok; sig, ok = set.Take() {
			fmt.Println(sig)
			if sig == syscall.SIGTERM {
				return
			}
		}
	}
	// Output: terminated
}
