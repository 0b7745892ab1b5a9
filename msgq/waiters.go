package msgq

// waiter is one goroutine that waits in Send.
type waiter[M any] struct {
	msg        M
	settled    chan error // buffered: nil for admitted, or why not
	queued     bool       // under Queue.mu: still in Queue.waiting
	prev, next *waiter[M]
}

// list is a doubly linked list of waiters; each is in one list at a time.
type list[M any] struct {
	head, tail *waiter[M]
}

func (l *list[M]) push(w *waiter[M]) {
	w.prev, w.next = l.tail, nil
	if l.tail == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
}

func (l *list[M]) remove(w *waiter[M]) {
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
}

// waiters is the line of those who wait, and records that are no longer needed
// for the next ones. It is guarded by Queue.mu.
type waiters[M any] struct {
	list[M]
	spare *waiter[M]
}

// add puts a waiter for m at the end of the line.
func (l *waiters[M]) add(m M) *waiter[M] {
	w := l.spare
	if w == nil {
		w = &waiter[M]{settled: make(chan error, 1)}
	} else {
		l.spare = w.next
	}
	w.msg, w.queued = m, true
	l.push(w)
	return w
}

// leave takes w out of the line.
func (l *waiters[M]) leave(w *waiter[M]) {
	l.remove(w)
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
	list[M]
	err error // what Send returns to them
}

// take moves the first waiter of l, which is not empty, to s.
func (s *settled[M]) take(l *waiters[M]) *waiter[M] {
	w := l.head
	l.leave(w)
	s.push(w)
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
