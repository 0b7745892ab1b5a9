//go:build windows

package reactor

// hearFrom has s tell of every operation that would have blocked: AFD's polls end
// at their first event, and only who has read all of it wants the next one.
func (p *Poll) hearFrom(s Source) { s.SetRearmer(p) }
