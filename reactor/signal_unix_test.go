//go:build unix

package reactor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

// aSignal is one that tests may send to their own process.
const aSignal = syscall.SIGUSR1

func sendSignal() error { return syscall.Kill(os.Getpid(), aSignal) }

// withSignals runs a test in a process to which it may send signals.
func withSignals(t *testing.T, test func(*testing.T)) { test(t) }

// noted makes signals harmless until the test ends.
func noted(t testing.TB) {
	t.Helper()
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, aSignal)
	t.Cleanup(func() { signal.Stop(signals) })
}

// The behaviours of waits under signals, which elsewhere do not interrupt one.
var waitingUnderSignals = []behaviour{
	{"signal_during_wait_keeps_the_remaining_time", func(t *testing.T, w *watcher) {
		noted(t)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					sendSignal()
				}
			}
		})
		const timeout = 100 * time.Millisecond
		start := time.Now()
		n, err := w.Wait(w.events[:], timeout)
		elapsed := time.Since(start)
		close(stop)
		wg.Wait()
		if n != 0 || err != nil || elapsed < timeout || elapsed > timeout+2*time.Second {
			t.Fatal(n, err, elapsed)
		}
	}},
}

var wakingUnderSignals = []wakerBehaviour{
	{"wake_races_a_signal", func(t *testing.T, w *watcher, waker *Waker) {
		noted(t)
		for range rounds(200) {
			go func() {
				sendSignal()
				waker.Wake()
			}()
			w.want(5, readyReadable)
		}
	}},
}
