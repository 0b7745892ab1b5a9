//go:build plan9

package signals

import (
	"os"
	"syscall"
)

func relayed(sig os.Signal) bool {
	note, ok := sig.(syscall.Note)
	return ok && note != ""
}
