// Package behaviours is the table of the behaviours that metalio holds, by
// name: how often each is tried, and where it cannot be held and why. It is for
// tests only.
//
// A behaviour is held on a backend when a test whose last path element is its
// name passes there, in each package that the table names:
//
//	func TestTimers(t *testing.T) {
//		behaviours.Run(t, "cancel_twice", testCancelTwice)
//		behaviours.Run(t, "million_timers", func(t *testing.T) {
//			for range behaviours.Budget(t, "million_timers") { … }
//		})
//	}
//
// [Run] is t.Run, but skips what the table excepts here, with the table's
// reason. [Budget] is the only home of the numbers. An exception is added to
// [Table], never to a test: a test that skips itself does not hold anything.
//
// The scripts in .ci give the results of each run to a [Log], which knows what
// the table and the tests disagree about: a name that has neither a passing
// test nor an exception, a test that failed, an exception whose test passes.
// METALIO_TRY_EXCEPTIONS=1 runs the excepted tests too, to find those that are
// no longer needed.
package behaviours
