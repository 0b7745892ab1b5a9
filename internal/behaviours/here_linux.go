//go:build linux && !kqueue_sim

package behaviours

import "os"

// The script that runs a program under QEMU sets METALIO_EXEC.
func here() Backend {
	if os.Getenv("METALIO_EXEC") != "" {
		return QEMU
	}
	return Linux
}
