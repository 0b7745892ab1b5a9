//go:build !unix

package signals

import "os"

// uncatchable has one member where processes are not stopped by a signal.
var uncatchable = []os.Signal{os.Kill}
