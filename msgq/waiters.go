package msgq

// waiter is one goroutine that waits in Send.
type waiter[M any] struct {
	msg        M
	settled    chan error // buffered: nil for admitted, or why not
	queued     bool       // under Queue.mu: still in Queue.waiting
	prev, next *waiter[M]
}

// waiters is a queue of waiters, and those no longer needed for the next ones.
// It is guarded by Queue.mu.
type waiters[M any] struct {
	head, tail *waiter[M]
	spare      *waiter[M]
}

// add appends a waiter for m.
func (l *waiters[M]) add(m M) *waiter[M] {
	w := l.spare
	if w == nil {
		w = &waiter[M]{settled: make(chan error, 1)}
	} else {
		l.spare = w.next
	}
	w.msg, w.queued = m, true
	w.prev, w.next = l.tail, nil
	if l.tail == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
	return w
}

func (l *waiters[M]) remove(w *waiter[M]) {
	if w.prev == nil {
		l.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued = false
}

// recycle keeps w, which is in no list, for the next waiter.
func (l *waiters[M]) recycle(w *waiter[M]) {
	var zero M
	w.msg, w.prev, w.next = zero, nil, l.spare
	l.spare = w
}

// settled is a list of waiters whose fate is decided but who have not been told:
// that is done without Queue.mu.
type settled[M any] struct {
	head, tail *waiter[M]
	err        error
}

// take moves the first waiter of l, which is not empty, to s.
func (s *settled[M]) take(l *waiters[M]) *waiter[M] {
	w := l.head
	l.remove(w)
	w.next = nil
	if s.tail == nil {
		s.head = w
	} else {
		s.tail.next = w
	}
	s.tail = w
	return w
}

// tell gives everyone in s the outcome. None of them is touched after it has
// been told, since it may be waiting again already.
func (s *settled[M]) tell() {
	for w := s.head; w != nil; {
		next := w.next
		w.settled <- s.err
		w = next
	}
}
