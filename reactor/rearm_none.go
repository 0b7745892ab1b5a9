//go:build !windows

package reactor

// hearFrom has nothing to do, where the kernel sees for itself that a read or
// write would have blocked. So that costs s no call.
func (p *Poll) hearFrom(Source) {}
