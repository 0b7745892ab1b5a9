//go:build !plan9

package signals

import (
	"os"
	"syscall"
)

// lastRelayed is the greatest number for which os/signal keeps a bit on every
// system with numbered signals (numSig in its signal_unix.go, less one). It
// ignores greater ones, and other types, without a word.
const lastRelayed = 64

func relayed(sig os.Signal) bool {
	n, ok := sig.(syscall.Signal)
	return ok && 0 < n && n <= lastRelayed
}
