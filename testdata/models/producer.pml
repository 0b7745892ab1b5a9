/*
 * A Producer of package msgq: the ring of one sender, beside the wake word that
 * wake.pml has.
 *
 * Step names are those of msgq/producer.go and queue.go: join, publish, notify,
 * starve, feed, arm, look, sleep, disarm, drain, take over, give back, seal.
 * Each access to a word that both sides touch (published, taken, starved, ready,
 * state) is a step of its own; Go's atomics are sequentially consistent. What is
 * done under Queue.mu is one step where nobody looks at its parts without it.
 *
 * Checked in every reachable state:
 *   - the system comes to rest only with the consumer finished after close, or
 *     asleep with nothing to do, and no Send that waits for room (no lost wake,
 *     in either direction);
 *   - what was accepted is handled, once and in order, and what was refused, by
 *     a close at the same moment too, is not;
 *   - a message is written only to a place that is free.
 *
 * ./check runs it, and the variants that BROKEN_... turns it into, each of
 * which must fail.
 */

#ifndef SIZE
#define SIZE 1          /* of the ring */
#endif
#ifndef COUNT
#define COUNT 3         /* messages */
#endif
#ifndef BATCH
#define BATCH 1         /* messages that are taken over at once */
#endif
#define TURN 2          /* messages that the consumer handles between two sleeps */

#define AWAKE    0
#define ARMED    1
#define NOTIFIED 2
byte state = AWAKE;     /* WakeWord.state */
bool token;             /* the waker: a wake that no sleep has used up */

bool ready, changed, closed;    /* Queue */
bool member, known;             /* in Queue.producers, in Queue.known */

byte published;         /* without the bit */
bool sealed;            /* the bit: always read and written with published */
byte taken;
bool starved;
bool room;              /* a channel with a buffer of one */
bool held[SIZE];        /* a place of the ring has a message */

bool finished, left;    /* the consumer, the producer */
byte accepted, handled;

inline notify() {
	atomic {
		if
		:: state == ARMED -> state = NOTIFIED; woke = true
		:: else
		fi
	};
	if
	:: woke -> d_step { token = true; woke = false }
	:: else
	fi
}

inline feed() {
	if
	:: starved -> starved = false; room = true
	:: else
	fi
}

proctype producer() {
	byte tail, limit;
	bool woke, refused;

	/* join */
	atomic {
		if
		:: closed -> sealed = true
		:: else ->
			member = true;
			changed = true;
#ifndef BROKEN_JOIN_UNSEEN
			ready = true
#endif
		fi
	};
	do
	:: tail == COUNT -> break
	:: tail < COUNT ->
		if
		:: tail == limit ->
			/* look */
			if
			:: sealed -> break
			:: else
			fi;
			limit = taken + SIZE
		:: else
		fi;
		if
		:: tail == limit ->
			/* starve */
#ifdef BROKEN_LOOK_BEFORE_STARVE
			limit = taken + SIZE;
			if
			:: tail < limit -> goto next
			:: else
			fi;
			starved = true;
#else
			starved = true;
			if
			:: sealed -> break
			:: else
			fi;
			limit = taken + SIZE;
			if
			:: tail < limit -> starved = false; goto next
			:: else
			fi;
#endif
			notify();
			atomic { room -> room = false }
		:: else ->
			/* publish */
			assert(!held[tail % SIZE]);
			held[tail % SIZE] = true;
#ifdef BROKEN_PUBLISH_UNCHECKED
			refused = sealed;
			atomic {
				published = tail + 1;
				if
				:: !refused -> accepted++
				:: else
				fi
			};
#else
			atomic {
				refused = sealed;
				if
				:: !refused -> published = tail + 1; accepted++
				:: else
				fi
			};
#endif
			if
			:: refused -> held[tail % SIZE] = false; break
			:: else
			fi;
			tail++;
			notify()
		fi;
next:           skip
	od;
	left = true
}

proctype consumer() {
	byte over, n, turn;
	bool woke, done, some;

	do
	:: true ->
		/* drain */
		turn = 0;
		do
		:: turn >= TURN -> break
		:: turn < TURN ->
			n = 0;
			if
			:: known ->
				/* take over */
				n = published - over;
				if
				:: n > BATCH -> n = BATCH
				:: else
				fi
			:: else
			fi;
			if
			:: n > 0 ->
				do
				:: n > 0 ->
					d_step {
						assert(held[over % SIZE]);
						held[over % SIZE] = false;
						assert(handled < accepted);
						handled++;
						over++;
						turn++;
						n--
					}
				:: n == 0 -> break
				od;
				/* give back */
#ifdef BROKEN_FEED_BEFORE_ROOM
				feed();
				taken = over
#else
				taken = over;
				feed()
#endif
			:: n == 0 ->
				if
				:: !ready -> break
				:: ready
				fi;
				/* swap, which finds an empty half, and meet */
				some = changed;
				atomic {
					if
					:: changed ->
						member = member && !(sealed && published == over);
						known = member;
						changed = member && sealed
					:: else
					fi;
					ready = closed || changed
				};
				if
				:: !some -> break
				:: else
				fi;
				if
				:: known && published != over
				:: else -> break
				fi
			fi
		od;
		/* Queue.Drained */
		atomic {
			done = closed && ready && !(member && published != over)
		};
		if
		:: done -> break
		:: else
		fi;
		state = ARMED;                          /* arm */
		/* look */
		if
		:: ready -> goto rise
		:: else
		fi;
		if
		:: known && published != over -> goto rise
		:: else
		fi;
end_asleep:
		atomic { token -> token = false };      /* sleep */
rise:
		state = AWAKE                           /* disarm */
	od;
	finished = true
}

/* Anybody: closes the producer, the queue, or both. */
proctype other(bool closes_producer, closes_queue) {
	bool woke;

	if
	:: closes_producer ->
		if
		:: member ->
			atomic { sealed = true };
			feed();
			atomic { changed = true; ready = true }
		:: !member
		fi
	:: else
	fi;
	if
	:: closes_queue ->
		atomic {
			closed = true;
			if
			:: member ->
#ifndef BROKEN_CLOSE_WITHOUT_SEAL
				sealed = true;
				changed = true
#endif
			:: else
			fi
		};
		feed();
		ready = true;
		notify()
	:: else
	fi
}

/* timeout is true when nothing else can move: the system is at rest. */
active proctype rest() {
	atomic {
		run producer();
		run consumer();
		if
		:: true
		:: run other(true, false)
		:: run other(false, true)
		:: run other(true, true)
		fi
	};
	timeout ->
	assert(left);
	assert(finished == closed);
	assert(handled == accepted)
}
