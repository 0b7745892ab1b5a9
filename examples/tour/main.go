// Tour drives what metalio has, and prints what happened. It needs nothing and
// talks to nobody but itself.
//
//	go run ./examples/tour
//
// Each stop is a file to read: poll.go has the primitive, loop.go what is built
// on it, echo.go a server and its client in one loop, crowd.go a server for many.
// A stop that does not see what it should fails, and the tour with it.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if err := tour(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

func tour(out io.Writer) error {
	for i, stop := range []struct {
		title string
		visit func(guide) error
	}{
		{"A registration, and what is refused", registration},
		{"Level, edge and one-shot", modes},
		{"A waker", waker},
		{"A timeout", timeout},
		{"Messages and timers in a loop", messagesAndTimers},
		{"A signal", signal},
		{"No event for a registration that is gone", staleEvents},
		{"An echo over loopback", echo},
		{"A thousand clients of package net", thousandClients},
		{"Five kinds of event on one thread", fiveKinds},
		{"A hundred thousand of them", hundredThousandEvents},
	} {
		fmt.Fprintf(out, "%d. %s\n", i+1, stop.title)
		if err := stop.visit(guide{out}); err != nil {
			return fmt.Errorf("%s: %w", stop.title, err)
		}
	}
	return nil
}

// guide prints what a stop has seen.
type guide struct{ out io.Writer }

func (g guide) say(format string, args ...any) {
	fmt.Fprintf(g.out, "   "+format+"\n", args...)
}

// expect prints what was seen, and fails if that is not what had to be.
func expect[T comparable](g guide, what string, got, want T) error {
	g.say("%s: %v", what, got)
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}
