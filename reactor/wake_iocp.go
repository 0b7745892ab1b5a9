//go:build windows

package reactor

import (
	"sync/atomic"
	"syscall"

	"github.com/metalio/metalio"
)

// wakeup is a packet that is posted to the selector's port, and a word that
// keeps the port from holding more than one of them.
type wakeup struct {
	port   uintptr
	id     uintptr
	token  Token
	posted atomic.Bool
}

func (w *wakeup) open(s *selector, token Token) syscall.Errno {
	w.port, w.token = s.port, token
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastWakeup++
	w.id = s.lastWakeup
	s.wakeups[w.id] = w
	return 0
}

func (w *wakeup) wake() syscall.Errno {
	if w.posted.Swap(true) {
		return 0
	}
	errno := metalio.PostQueuedCompletionStatus(w.port, 0, keyWakeup, w.id)
	if errno != 0 {
		w.posted.Store(false)
	}
	return errno
}

func (w *wakeup) close(s *selector) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wakeups, w.id)
}
