/*
 * The queue and the wake word of package msgq.
 *
 * Step names are those of the comments in msgq/queue.go, sender.go and
 * wakeword.go: publish, notify, arm, look, sleep, disarm, drain, admit, close.
 * What Go does under Queue.mu is one step here: of all that it writes only
 * ready is read without the lock, and each section stores it at most once. The
 * waker is a binary semaphore: an eventfd, a user event, a channel with a
 * buffer of one.
 *
 * Checked in every reachable state:
 *   - the system comes to rest only with the consumer finished after close, or
 *     asleep with an empty queue, no stop unseen and not closed (no lost wake);
 *   - no sender is left waiting;
 *   - what was accepted is handled, once, in the order of each producer, and
 *     what was refused is not;
 *   - a TrySend never overtakes a Send that waits;
 *   - each arm is notified at most once, and no wake is made while the
 *     consumer drains.
 *
 * ./check runs it, and the variants that BROKEN_... turns it into, each of
 * which must fail.
 */

#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef EACH
#define EACH 2          /* messages of the first producer; the others send one */
#endif
#ifndef CAPACITY
#define CAPACITY 1      /* of one half */
#endif
#ifndef FAILURES
#define FAILURES 0      /* of the waker */
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 1      /* sleeps that end by themselves; EINTR is the same */
#endif
#define TURN 2          /* messages that the consumer handles between two sleeps */

#define AWAKE    0
#define ARMED    1
#define NOTIFIED 2
byte state = AWAKE;     /* WakeWord.state */
bool token;             /* the waker: a wake that no sleep has used up */
byte failures = FAILURES;

bool closed;
bool ready;
byte in_producer[CAPACITY], in_seq[CAPACITY], n;
byte out_producer[CAPACITY], out_seq[CAPACITY], head, tail;

#define UNDECIDED 0
#define ADMITTED  1
#define REFUSED   2
chan waiting = [PRODUCERS] of { byte };
bool queued[PRODUCERS];         /* waiter.queued */
byte waiting_seq[PRODUCERS];    /* waiter.msg */
byte settled[PRODUCERS];        /* waiter.settled */

bool stop, stop_seen, finished; /* stop: another source that shares the word */

/* For the assertions only. */
byte wins;                      /* notifications since the last arm */
bool draining;
byte accepted[PRODUCERS];       /* bit sets of sequence numbers */
byte handled[PRODUCERS];

/* WakeWord.Notify, and again if the waker fails: a sender that gets a WakeError
 * is to call Notify until it does not. */
inline notify() {
	do
	:: atomic {
			if
			:: state == ARMED ->
				state = NOTIFIED;
				wins++;
				assert(FAILURES > 0 || wins == 1);
				assert(!draining)
			:: else -> break
			fi
		};
		if
		:: token = true; break
		:: atomic { failures > 0 -> failures-- };
#ifndef BROKEN_NO_PUT_BACK
			atomic {
				if
				:: state == NOTIFIED -> state = ARMED
				:: else
				fi
			}
#endif
		fi
	od
}

/* settled.tell, without the lock. */
inline tell(whom, outcome) {
	d_step {
		p = 0;
		do
		:: p == PRODUCERS -> break
		:: p < PRODUCERS ->
			if
			:: whom & (1 << p) -> settled[p] = outcome
			:: else
			fi;
			p++
		od;
		p = 0;
		whom = 0
	}
}

proctype producer(byte me, count) {
	byte seq;
	bool may_wait, room;

	do
	:: seq == count -> break
	:: atomic { seq < count ->
			if
			:: closed -> break      /* ErrClosed */
			:: else
			fi;
			if
			:: may_wait = true      /* Send */
			:: may_wait = false     /* TrySend */
			fi;
			/* publish */
			d_step {
				room = n < CAPACITY;
				if
				:: room ->
					assert(empty(waiting));
					in_producer[n] = me;
					in_seq[n] = seq;
					n++;
					ready = true;
					accepted[me] = accepted[me] | (1 << seq)
				:: !room && may_wait ->
					waiting ! me;
					queued[me] = true;
					waiting_seq[me] = seq
				:: else
				fi
			}
		};
		notify();               /* accepted or full; see Queue.refused */
		if
		:: room || !may_wait
		:: else ->
			if
			:: settled[me] != UNDECIDED
			:: atomic { queued[me] ->       /* the context ends: Queue.abandon */
					waiting ?? eval(me);
					queued[me] = false;
					settled[me] = REFUSED
				}
			fi;
			d_step {
				assert((settled[me] == ADMITTED) == ((accepted[me] >> seq) & 1));
				settled[me] = UNDECIDED;
				waiting_seq[me] = 0
			}
		fi;
		d_step { seq++; room = false; may_wait = false }
	od
}

proctype consumer() {
	byte p, i, whom, turn;
	byte timeouts = TIMEOUTS;
	bool done;

	do
	:: true ->
		/* drain: Pop, at most TURN times */
		draining = true;
		turn = 0;
		do
		:: turn == TURN -> break
		:: turn < TURN && head < tail ->
			d_step {
				p = out_producer[head];
				i = out_seq[head];
				head++;
				assert((accepted[p] >> i) & 1);
				assert((handled[p] >> i) == 0); /* not before, and none after it */
				handled[p] = handled[p] | (1 << i);
				out_producer[head - 1] = 0;
				out_seq[head - 1] = 0;
				p = 0; i = 0;
				turn++
			}
		:: turn < TURN && head == tail ->
			if
			:: !ready -> break
			:: ready
			fi;
			/* Queue.swap, and admit */
			d_step {
				head = 0;
				tail = n;
				i = 0;
				do
				:: i < n ->
					out_producer[i] = in_producer[i]; in_producer[i] = 0;
					out_seq[i] = in_seq[i]; in_seq[i] = 0;
					i++
				:: else -> break
				od;
				i = 0;
				n = 0;
#ifndef BROKEN_NO_ADMIT
				do
				:: n < CAPACITY && len(waiting) > 0 ->
					waiting ? p;
					queued[p] = false;
					in_producer[n] = p;
					in_seq[n] = waiting_seq[p];
					n++;
					accepted[p] = accepted[p] | (1 << waiting_seq[p]);
					whom = whom | (1 << p)
				:: n == CAPACITY || len(waiting) == 0 -> break
				od;
				p = 0;
#endif
				ready = (n > 0 || closed)
			};
			tell(whom, ADMITTED);
			if
			:: tail == 0 -> break
			:: else
			fi
		od;
		atomic {
			turn = 0;
			if
			:: stop -> stop_seen = true
			:: else
			fi
		};
		/* Queue.Drained */
		if
		:: head == tail && ready -> done = closed && n == 0
		:: else
		fi;
		if
		:: done -> break
		:: else
		fi;

		atomic { state = ARMED; wins = 0; draining = false };   /* arm */
#ifdef BROKEN_CLEAR_AFTER_DRAIN
		/* The word was left as it was until after the drain, and the drain
		 * counts as the look. */
		if
		:: head < tail -> goto rise
		:: else -> goto sleep
		fi;
#endif
		if                                                      /* look */
		:: head < tail || ready || (stop && !stop_seen) ->
			token = false   /* a poll that does not wait uses up a wake as well */
		:: else ->
sleep:
end_asleep:
			if
			:: atomic { token -> token = false }
			:: atomic { timeouts > 0 -> timeouts-- }
			fi
		fi;
rise:
#if !defined(BROKEN_CLEAR_AFTER_DRAIN) && !defined(BROKEN_NO_DISARM)
		state = AWAKE                                           /* disarm */
#else
		skip
#endif
	od;
	draining = false;
	finished = true
}

/* Anybody: stops the loop, then closes the queue, or only one of the two. */
proctype other(bool stops, closes) {
	byte p, whom;

	if
	:: stops -> stop = true; notify()
	:: else
	fi;
	if
	:: closes ->
		/* close */
		d_step {
			closed = true;
			do
			:: len(waiting) > 0 ->
				waiting ? p;
				queued[p] = false;
				whom = whom | (1 << p)
			:: len(waiting) == 0 -> break
			od;
			p = 0;
			ready = true
		};
		tell(whom, REFUSED);
#ifndef BROKEN_CLOSE_WAKES_NOBODY
		notify()
#else
		skip
#endif
	:: else
	fi
}

/* timeout is true when nothing else can move: the system is at rest. */
active proctype rest() {
	byte p;

	atomic {
		for (p : 0 .. PRODUCERS - 1) {
			run producer(p, (p == 0 -> EACH : 1))
		}
		run consumer();
#ifndef NO_OTHER
		if
		:: true
		:: run other(true, false)
		:: run other(false, true)
		:: run other(true, true)
		fi
#endif
	};
	timeout ->
	assert(finished == closed);
	assert(finished || !stop || stop_seen);
	assert(n == 0 && head == tail && empty(waiting));
	for (p : 0 .. PRODUCERS - 1) {
		assert(handled[p] == accepted[p])
	}
}
