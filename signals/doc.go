// Package signals turns a set of Unix signals, or Windows console events, into
// something an event loop can poll and be woken by, side by side with os/signal.
//
// A [Set] is taken from by one goroutine, its consumer, typically an event loop:
//
//	set := signals.New(waker.Wake)
//	defer set.Close()
//	if err := set.Add(os.Interrupt, syscall.SIGHUP); err != nil {
//		return err
//	}
//	for {
//		for sig, ok := set.Take(); ok; sig, ok = set.Take() {
//			handle(sig)
//		}
//		sleep() // until woken
//	}
//
// # What is promised
//
// After the last delivery of each signal in the set, Take returns that signal at
// least once. How often is not promised: kernels keep one pending instance of a
// signal, and so do Go's runtime and the Set. A thousand SIGHUPs are at least
// one event and at most a thousand.
//
// Signals that have arrived are handed out in rounds, each of them once in a
// round, so that a storm of one starves no other.
//
// The function given to [New] is called once for a burst: when a signal arrives
// and none had arrived since the consumer last emptied the set. It may be called
// while the consumer is awake; a consumer that wants to save that gives the
// Notify method of a msgq.WakeWord, and looks at [Set.Pending] between arming
// the word and going to sleep.
//
// # Dispositions
//
// Add and Remove use signal.Notify and signal.Stop on channels of their own. So
// other users of os/signal in the process, and other Sets, get each signal as
// well, and a signal that is in no set keeps its default action. The last Stop
// gives the disposition back: SIGTERM ends the process again, and a SIGHUP that
// was ignored when the process began (nohup) is ignored again. Nothing is ever
// set to be ignored, which child processes would inherit; they start with the
// default action for the signals of a Set.
//
// signal.Ignore and signal.Reset undo every Notify in the process, that of a Set
// included: after them a Set stays silent for the signal until it is removed and
// added again.
//
// # Which signals
//
// SIGKILL and SIGSTOP cannot be caught and are refused. Some others are of
// little use:
//
//   - SIGURG is what Go's runtime sends to its own threads to preempt
//     goroutines. A Set that has it added gets events nobody has sent; one that
//     has not is never disturbed by it.
//   - SIGSEGV, SIGBUS and SIGFPE arrive only if another process has sent them. A
//     fault in the program remains a panic.
//   - SIGPROF while the CPU profiler runs belongs to the profiler.
//   - Real-time signals that the C library keeps to itself (32 to 34 on Linux)
//     are never relayed by Go's runtime, though Add accepts them.
//
// On Windows, Ctrl+C and Ctrl+Break arrive as os.Interrupt; closing the console,
// logging off and shutting down as syscall.SIGTERM, after which Windows leaves the
// process a few seconds. Other signals can be added and never arrive. On Plan 9
// signals are notes (syscall.Note).
//
// # Cost
//
// A signal takes two hops between goroutines, os/signal's and one of the Set's,
// before it is there to take: tens of microseconds and no allocation. Each signal in a
// Set holds one goroutine and one channel until it is removed.
package signals
