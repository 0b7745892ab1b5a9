package sample

import (
	"fmt"
	"os"

	"github.com/metalio/metalio/reactor"
)

// Policy is the wait policy that calls itself so. It ends the program if there
// is none.
func Policy(name string) reactor.WaitPolicy {
	for _, p := range [...]reactor.WaitPolicy{reactor.Auto, reactor.Block, reactor.Spin, reactor.Park} {
		if p.String() == name {
			return p
		}
	}
	fmt.Fprintf(os.Stderr, "unknown wait policy %q\n", name)
	os.Exit(2)
	return 0
}
