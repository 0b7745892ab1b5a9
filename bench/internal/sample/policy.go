package sample

import (
	"fmt"
	"os"

	"github.com/metalio/metalio/reactor"
)

// Policy is a wait policy by name.
func Policy(name string) reactor.WaitPolicy {
	p, ok := policies[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown wait policy %q\n", name)
		os.Exit(2)
	}
	return p
}

var policies = map[string]reactor.WaitPolicy{
	"auto":  0,
	"block": reactor.Block,
	"park":  reactor.Park,
	"spin":  reactor.Spin,
}
