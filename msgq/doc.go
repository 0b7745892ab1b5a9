// Package msgq carries messages from any number of goroutines to one consumer,
// typically an event loop, and wakes the consumer when it sleeps.
//
// A [Queue] is bounded and pre-allocated: two halves of Config.Capacity
// messages each. Senders fill one half under a mutex; the consumer takes over
// the whole half at once and reads it without locking while the senders fill
// the other. Nothing is allocated after New, except a small record for each
// goroutine that waits in Send at the same time as others, kept for reuse.
//
// Senders hold a [Sender], a small comparable value. TrySend never waits and
// reports [ErrFull]; Send waits for room until its context ends. Messages of
// one goroutine arrive in the order in which it sent them. Room that becomes
// free goes first to the goroutines that wait in Send, in the order in which
// they began to wait, and only what is left to TrySend; so neither a blocked
// Send nor a message can starve.
//
// A goroutine that sends much, such as another loop, may have a [Producer]: a
// ring of its own, in which a message costs one atomic step and no lock, however
// many others send at the same time.
//
// The consumer alternates between handling messages and sleeping:
//
//	for !q.Drained() {
//		for range messagesPerTurn {
//			m, ok := q.Pop()
//			if !ok {
//				break
//			}
//			handle(m)
//		}
//		if q.Arm() {
//			sleep() // until woken, or for as long as it likes
//		}
//		q.Disarm()
//	}
//
// Arm, Disarm and the senders' part of the protocol are those of [WakeWord]: a
// burst of messages costs one call of the [Waker] for each sleep, and none is
// made while the consumer is awake. The protocol is model-checked: the steps
// named in comments (publish, notify, arm, look, sleep, disarm, drain, admit,
// close) are those of testdata/models/wake.pml, and for a Producer those of
// producer.pml there.
//
// A message costs its Sender one uncontended lock, four fifths of what sending to
// a channel costs, and a Producer half of it; the consumer pays a seventh of what
// receiving from a channel does (BenchmarkSend, BenchmarkReceive). The queue is
// locked once for a whole half: the more the consumer finds when it looks, the
// less each message costs all of them. One that looks without pause, instead of
// sleeping or doing other work, finds few at a time and makes the senders wait
// for their cache line.
//
// Closing the queue refuses further messages and loses none that was accepted.
package msgq
