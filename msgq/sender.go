package msgq

import (
	"context"
	"fmt"
)

// Sender sends messages to one [Queue]. It is a small comparable value that any
// number of goroutines may copy and use at the same time. The zero Sender
// refuses everything with [ErrClosed].
type Sender[M any] struct {
	q *Queue[M]
}

// TrySend puts m in the queue without waiting. It returns [ErrFull] if there is
// no room and [ErrClosed] if the queue is closed. A [*WakeError] means that m
// is in the queue but the consumer could not be woken.
func (s Sender[M]) TrySend(m M) error {
	q := s.q
	if q == nil {
		return ErrClosed
	}
	q.mu.Lock()
	err := q.put(&m)
	q.mu.Unlock()
	if err != nil {
		return q.refused(err)
	}
	return q.word.Notify()
}

// Send puts m in the queue, and waits for room if there is none. It returns
// what TrySend returns, except that it returns [ErrFull] only if the consumer
// sleeps and could not be woken (the error then holds a [*WakeError] too). If
// ctx ends before there is room, it returns an error that wraps
// [context.Cause], and m is not in the queue.
//
// The consumer must not call Send on its own queue: it would wait for itself.
func (s Sender[M]) Send(ctx context.Context, m M) error {
	q := s.q
	if q == nil {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return sendError(ctx)
	}
	q.mu.Lock()
	err := q.put(&m)
	if err != ErrFull {
		q.mu.Unlock()
		if err != nil {
			return err
		}
		return q.word.Notify()
	}
	w := q.waiting.add(m)
	q.mu.Unlock()
	return q.await(ctx, w)
}

// await waits until the consumer admits w, the queue is closed or ctx ends.
func (q *Queue[M]) await(ctx context.Context, w *waiter[M]) error {
	// The queue is full, so somebody has notified the consumer; but that may
	// have failed.
	if err := q.word.Notify(); err != nil {
		return q.abandon(w, fmt.Errorf("%w: %w", ErrFull, err))
	}
	select {
	case err := <-w.settled:
		q.recycle(w)
		return err
	case <-ctx.Done():
		return q.abandon(w, sendError(ctx))
	}
}

// abandon takes w out of the line and returns err, unless its fate is decided
// already.
func (q *Queue[M]) abandon(w *waiter[M], err error) error {
	q.mu.Lock()
	undecided := w.queued
	if undecided {
		q.waiting.leave(w)
	}
	q.mu.Unlock()
	if !undecided {
		err = <-w.settled // whoever decided is about to tell
	}
	q.recycle(w)
	return err
}

func (q *Queue[M]) recycle(w *waiter[M]) {
	q.mu.Lock()
	q.waiting.recycle(w)
	q.mu.Unlock()
}

func sendError(ctx context.Context) error {
	return fmt.Errorf("msgq: send: %w", context.Cause(ctx))
}
