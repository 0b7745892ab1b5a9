/*
 * What the C programs of this benchmark share: clocks, pinning, and the one
 * line of output for each metric, "NAME VALUE". Each program takes
 * -duration SECONDS, how long to measure, and -core N, where.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* must ends the program, with the call's name, unless ok. */
#define must(ok) must_(!!(ok), #ok, __FILE__, __LINE__)

static inline void must_(int ok, const char *what, const char *file, int line) {
	if (ok)
		return;
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, strerror(errno));
	exit(1);
}

static inline int64_t clock_ns(clockid_t id) {
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/*
 * Work that never sleeps is measured in processor time, so that what else runs
 * on the machine takes less part in the figure.
 */
static inline int64_t thread_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }
static inline int64_t process_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

/* pin keeps the calling thread on one core. A machine may not have it. */
static inline void pin(int cpu) {
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
		fprintf(stderr, "cannot pin to core %d\n", cpu);
}

static inline void *sleep_for_ever(void *unused) {
	for (;;)
		pause();
	return unused;
}

/*
 * second_thread starts a thread that sleeps all the time, if -threads is 2. The
 * kernel looks descriptors up in a table that is shared then, and counts a
 * reference for each call: what every multi-threaded process pays, and Go's
 * always are.
 */
static inline void second_thread(int threads) {
	pthread_t thread;
	if (threads > 1)
		must((errno = pthread_create(&thread, NULL, sleep_for_ever, NULL)) == 0);
}

/* raise_files allows as many descriptors as root has set. */
static inline void raise_files(void) {
	struct rlimit lim;
	must(getrlimit(RLIMIT_NOFILE, &lim) == 0);
	lim.rlim_cur = lim.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &lim) == 0);
}

/* option is the number that follows name on the command line, or otherwise. */
static inline double option(int argc, char **argv, const char *name, double otherwise) {
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return atof(argv[i + 1]);
	return otherwise;
}

static inline int compare_doubles(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* quantile sorts v and returns its q-th quantile. */
static inline double quantile(double *v, int n, double q) {
	qsort(v, n, sizeof *v, compare_doubles);
	return v[(int)(q * (n - 1))];
}

static inline void report(const char *name, double value) {
	printf("%s %.3f\n", name, value);
	fflush(stdout);
}

/* SAMPLES is how many batches a metric is the median of. */
enum { SAMPLES = 15 };

/*
 * sample runs work(n) in SAMPLES batches that take about seconds together, and
 * returns the median of the batches, in nanoseconds of processor time for each
 * of the n.
 */
static inline double sample(double seconds, void (*work)(long n)) {
	double batch = seconds * 1e9 / SAMPLES, values[SAMPLES];
	long n = 64;
	for (;;) { /* warm up, and find how many fit in a batch */
		int64_t start = thread_ns();
		work(n);
		int64_t took = thread_ns() - start;
		if (took > batch / 2) {
			n = n * batch / took + 1;
			break;
		}
		n *= 2;
	}
	for (int i = 0; i < SAMPLES; i++) {
		int64_t start = thread_ns();
		work(n);
		values[i] = (double)(thread_ns() - start) / n;
	}
	return quantile(values, SAMPLES, 0.5);
}

/* A xorshift generator: the same sequence in every contender. */
static inline uint64_t next_random(uint64_t *state) {
	uint64_t x = *state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* random_order is the numbers below n in random order, always the same one. */
static inline uint32_t *random_order(long n) {
	uint64_t state = 88172645463325252u;
	uint32_t *order = malloc(n * sizeof *order);
	for (long i = 0; i < n; i++)
		order[i] = i;
	for (long i = n - 1; i > 0; i--) {
		long j = next_random(&state) % (i + 1);
		uint32_t swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	return order;
}

/* open_tcp_pair connects two blocking sockets, without Nagle's algorithm. */
static inline void open_tcp_pair(int fds[2]) {
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof addr;
	int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(listener >= 0);
	must(bind(listener, (struct sockaddr *)&addr, len) == 0);
	must(listen(listener, 1) == 0);
	must(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(fds[1], (struct sockaddr *)&addr, len) == 0);
	fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(fds[0] >= 0);
	for (int i = 0; i < 2; i++)
		must(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
	close(listener);
}

#endif
