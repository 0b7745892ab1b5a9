//go:build unix

package signals

import (
	"os"
	"syscall"
)

// uncatchable lists what signal(7) says can be neither caught nor ignored.
var uncatchable = []os.Signal{os.Kill, syscall.SIGSTOP}
