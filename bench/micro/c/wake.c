/*
 * From one thread to a loop on another and back, each woken by an eventfd: the
 * least that two threads that sleep in the kernel can do.
 *
 *	wake-c -duration SECONDS -core N -other N -pinned 0|1 -spin 0|1
 *
 * The loop sleeps in epoll_wait, edge-triggered, so that it need not read. The
 * other thread sleeps in a read. Metrics, in nanoseconds: "tight", the median
 * round trip when one follows the other, and its "cpu", of the whole process;
 * "asleep" and "asleep-p99" when the thread is busy for PAUSE in between, so that
 * the loop is asleep for certain. With -spin both poll and never sleep.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { PAUSE = 200 * 1000, MAX_TRIPS = 2000000 };

static int request, reply;
static bool pinned, spin;
static int loop_core;

static void add_one(int fd) {
	uint64_t one = 1;
	must(write(fd, &one, sizeof one) == sizeof one);
}

static void *loop(void *unused) {
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	must(epfd >= 0 && epoll_ctl(epfd, EPOLL_CTL_ADD, request, &ev) == 0);
	if (pinned)
		pin(loop_core);
	for (;;)
		if (epoll_wait(epfd, &ev, 1, spin ? 0 : -1) == 1)
			add_one(reply);
	return unused;
}

static void round_trip(void) {
	uint64_t got = 0;
	add_one(request);
	while (read(reply, &got, sizeof got) < 0)
		must(spin && errno == EAGAIN);
	must(got == 1);
}

int main(int argc, char **argv) {
	static double trips[MAX_TRIPS];
	double seconds = option(argc, argv, "-duration", 1);
	pinned = option(argc, argv, "-pinned", 1);
	spin = option(argc, argv, "-spin", 0);
	loop_core = option(argc, argv, "-core", 0);
	request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reply = eventfd(0, EFD_CLOEXEC | (spin ? EFD_NONBLOCK : 0));
	must(request >= 0 && reply >= 0);
	if (pinned)
		pin(option(argc, argv, "-other", 1));
	pthread_t thread;
	must((errno = pthread_create(&thread, NULL, loop, NULL)) == 0);

	for (int i = 0; i < 100; i++)
		round_trip();
	int n = 0;
	int64_t cpu = process_ns(), start = now_ns(), before = start;
	while (before - start < seconds / 2 * 1e9 && n < MAX_TRIPS) {
		round_trip();
		int64_t after = now_ns();
		trips[n++] = after - before;
		before = after;
	}
	cpu = process_ns() - cpu;
	report("tight", quantile(trips, n, 0.5));
	report("cpu", (double)cpu / n);

	n = 0;
	start = now_ns();
	while (now_ns() - start < seconds / 2 * 1e9 && n < MAX_TRIPS) {
		int64_t until = now_ns() + PAUSE;
		while ((before = now_ns()) < until)
			;
		round_trip();
		trips[n++] = now_ns() - before;
	}
	report("asleep", quantile(trips, n, 0.5));
	report("asleep-p99", quantile(trips, n, 0.99));
	return 0;
}
