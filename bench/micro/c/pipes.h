/*
 * The pipe benchmark of libevent's authors, as each C contender runs it.
 *
 *	pipes-X -duration SECONDS -core N -threads 1|2 -pipes N -active N -writes N
 *
 * A run writes one byte to each of the active pipes, spread evenly over all of
 * them. Whoever reads a byte writes one to the next pipe, until that has
 * happened -writes times; the run ends when each byte written was read. All is
 * done on one thread with waits that do not sleep, so it measures the loop and
 * its calls, not the scheduler. Before each run every pipe is taken out of the
 * loop and put in again, like the original does; that is the metric
 * "register", for each pipe.
 *
 * A contender includes this file and defines the functions below. One that does
 * not read and write in the usual way defines OWN_IO and those too.
 */
#ifndef PIPES_H
#define PIPES_H

#include "bench.h"

#include <fcntl.h>

struct pipe_end {
	int readable, writable;
};

static int pipes, active, writes;
static struct pipe_end *ends;

static int fired, heard, writes_left;

/* What a contender has to define. */
static void loop_open(int pipes);
static void loop_watch(int i, int fd);
static void loop_unwatch(int i, int fd);
static void loop_turn(void); /* calls on_readable; must not sleep */

static void write_byte(int i); /* must count it in fired */

#ifndef OWN_IO
static void write_byte(int i) {
	must(write(ends[i].writable, "e", 1) == 1);
	fired++;
}
#endif

/* has_read follows when a byte of pipe i was read. */
static void has_read(int i) {
	heard++;
	if (writes_left == 0)
		return;
	writes_left--;
	write_byte(i + 1 == pipes ? 0 : i + 1);
}

#ifndef OWN_IO
static void on_readable(int i) {
	char byte;
	must(read(ends[i].readable, &byte, 1) == 1);
	has_read(i);
}
#endif

static void register_all(void) {
	for (int i = 0; i < pipes; i++) {
		loop_unwatch(i, ends[i].readable);
		loop_watch(i, ends[i].readable);
	}
	loop_turn();
}

static void run_once(void) {
	fired = heard = 0;
	writes_left = writes;
	for (int i = 0; i < active; i++)
		write_byte(i * (pipes / active));
	while (heard < fired)
		loop_turn();
	must(heard == active + writes);
}

enum { MAX_RUNS = 100000 };

/*
 * run_all runs until the time is over, at least five times, and reports medians.
 * The first runs warm up and do not count.
 */
static void run_all(double seconds) {
	static double events[MAX_RUNS], registrations[MAX_RUNS];
	int64_t start = now_ns();
	int n = 0;
	for (int run = -2; run < 5 || (now_ns() - start < seconds * 1e9 && n < MAX_RUNS); run++) {
		int64_t before = thread_ns();
		register_all();
		int64_t between = thread_ns();
		run_once();
		int64_t after = thread_ns();
		if (run < 0)
			continue;
		registrations[n] = (double)(between - before) / pipes;
		events[n++] = (double)(after - between) / (active + writes);
	}
	report("event", quantile(events, n, 0.5));
	report("register", quantile(registrations, n, 0.5));
}

int main(int argc, char **argv) {
	pipes = option(argc, argv, "-pipes", 100);
	active = option(argc, argv, "-active", 100);
	writes = option(argc, argv, "-writes", 1000);
	must(active > 0 && active <= pipes);
	second_thread(option(argc, argv, "-threads", 1));
	pin(option(argc, argv, "-core", 0));
	raise_files();

	ends = calloc(pipes, sizeof *ends);
	loop_open(pipes);
	for (int i = 0; i < pipes; i++) {
		int fds[2];
		must(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
		ends[i] = (struct pipe_end){fds[0], fds[1]};
		loop_watch(i, fds[0]);
	}
	run_all(option(argc, argv, "-duration", 1));
	return 0;
}

#endif
