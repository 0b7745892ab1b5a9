//go:build unix

package signals_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
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

// A Set adds and removes all or nothing, and says why it does not.
func ExampleSet_Add() {
	set := signals.New(nil)
	defer set.Close()
	err := set.Add(syscall.SIGHUP, syscall.SIGKILL)
	fmt.Println(err, errors.Is(err, signals.ErrUncatchable))
	var refused *signals.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Op, refused.Signal)
	}
	fmt.Println(errors.Is(set.Add(), signals.ErrNone))
	fmt.Println(errors.Is(set.Add(syscall.Signal(999)), signals.ErrUnknown))
	fmt.Println(errors.Is(set.Remove(syscall.SIGHUP), signals.ErrNotAdded))
	fmt.Println(errors.Is(set.Add(syscall.SIGHUP), signals.ErrFull)) // Plan 9 only
	fmt.Println(set.Remove(syscall.SIGHUP))
	// Output:
	// signals: add killed: signal cannot be caught true
	// add killed
	// true
	// true
	// true
	// false
	// <nil>
}

// A consumer that has other things to do looks whenever it likes.
func ExampleSet_Pending() {
	set := signals.New(nil)
	defer set.Close()
	if err := set.Add(syscall.SIGUSR1); err != nil {
		fmt.Println(err)
		return
	}
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	for !set.Pending() {
		runtime.Gosched()
	}
	fmt.Println(set.Take())
	fmt.Println(set.Err()) // of waking, which nobody asked for
	// Output:
	// user defined signal 1 true
	// <nil>
}
