//go:build !linux && !windows

package main

func prepareProxy() {}

// ownDescriptors is what a warm proxy may have more than a cold one.
const ownDescriptors = 0

// descriptors is not known here; the report says how many connections are open.
func (p *child) descriptors() int { return 0 }

func hasReset() bool { return true }
