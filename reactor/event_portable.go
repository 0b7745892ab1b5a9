//go:build !unix && !windows

package reactor

// Event is one entry of the slice that [Poll.Wait] fills: which registration,
// and what it is ready for.
type Event struct {
	token Token
	ready Ready
}

// Token returns the token given at registration.
func (e Event) Token() Token { return e.token }

// Ready returns what the descriptor is ready for.
func (e Event) Ready() Ready { return e.ready }
