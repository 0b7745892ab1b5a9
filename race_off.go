//go:build !race

package metalio

import "unsafe"

// The annotations cost nothing without the race detector: every use stands
// behind this constant.
const raceEnabled = false

func raceRelease()                  {}
func raceAcquire()                  {}
func raceRead(unsafe.Pointer, int)  {}
func raceWrite(unsafe.Pointer, int) {}
