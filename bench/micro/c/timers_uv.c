/*
 * Timers in libuv.
 *
 *	timers-uv -duration SECONDS -core N -timers N
 *
 * N timers, with delays spread at random over a minute, are
 *
 *	insert  started for the first time, in the order of their places in memory
 *	reset   started again with other random delays, in random order
 *	cancel  stopped, in random order
 *	again   started again, in random order, as after long use
 *	expire  run to the end, in steps of STEP_TIMERS each
 *
 * as connections would: but for the first start, a timer's place in memory tells
 * nothing about when it is touched or due. Each metric is nanoseconds of processor time for one timer, the
 * median of as many passes as fit in the time. timer/main.go does the same.
 *
 * libuv has no way to be told the time. It reads the clock with clock_gettime,
 * which this program defines in the place of libc's, so that a minute passes at
 * once; that also saves libuv the price of a real clock.
 */
#include "bench.h"

#include <sys/syscall.h>
#include <uv.h>

/*
 * So many timers expire in a turn of the loop, on average. libuv also polls once
 * in each turn, which is then less than 5 % of its time.
 */
enum { STEP_TIMERS = 16, SPAN_MS = 60000, MAX_PASSES = 1000 };

static int64_t virtual_ns = 1000000000;

/* For the libraries; this file uses the kernel's, see real_ns. */
int clock_gettime(clockid_t id, struct timespec *ts) {
	(void)id;
	ts->tv_sec = virtual_ns / 1000000000;
	ts->tv_nsec = virtual_ns % 1000000000;
	return 0;
}

static int64_t real_ns(clockid_t id) {
	struct timespec ts;
	must(syscall(SYS_clock_gettime, id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uv_loop_t loop;
static uv_timer_t *timers;
static uint64_t *delays, *later; /* in milliseconds */
static long size, fired;

static void expired(uv_timer_t *t) {
	(void)t;
	fired++;
}

static uint64_t *random_delays(uint64_t seed) {
	uint64_t *d = malloc(size * sizeof *d);
	for (long i = 0; i < size; i++)
		d[i] = next_random(&seed) % SPAN_MS;
	return d;
}

static void insert(const uint32_t *order) {
	for (long i = 0; i < size; i++)
		uv_timer_start(&timers[order[i]], expired, delays[i], 0);
}

static void reset(const uint32_t *order) {
	for (long i = 0; i < size; i++)
		uv_timer_start(&timers[order[i]], expired, later[i], 0);
}

static void cancel(const uint32_t *order) {
	for (long i = 0; i < size; i++)
		uv_timer_stop(&timers[order[i]]);
}

static void expire(const uint32_t *order) {
	(void)order;
	int64_t steps = size / STEP_TIMERS, start = virtual_ns;
	fired = 0;
	for (int64_t i = 1; i <= steps; i++) {
		virtual_ns = start + i * SPAN_MS * 1000000 / steps;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	must(fired == size);
}

/* timed runs one operation on all timers. */
static double timed(void (*operation)(const uint32_t *), const uint32_t *order) {
	int64_t start = real_ns(CLOCK_PROCESS_CPUTIME_ID);
	operation(order);
	return (double)(real_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / size;
}

int main(int argc, char **argv) {
	static double inserts[MAX_PASSES], resets[MAX_PASSES], cancels[MAX_PASSES], again[MAX_PASSES], expirations[MAX_PASSES];
	double seconds = option(argc, argv, "-duration", 1);
	pin(option(argc, argv, "-core", 0));
	size = option(argc, argv, "-timers", 10000);

	must(uv_loop_init(&loop) == 0);
	timers = calloc(size, sizeof *timers);
	for (long i = 0; i < size; i++)
		must(uv_timer_init(&loop, &timers[i]) == 0);
	uint32_t *order = random_order(size), *in_order = malloc(size * sizeof *in_order);
	for (long i = 0; i < size; i++)
		in_order[i] = i;
	delays = random_delays(1181783497276652981u);
	later = random_delays(8088405141u);

	int64_t start = real_ns(CLOCK_MONOTONIC);
	int n = 0;
	while (n == 0 || (n < MAX_PASSES && real_ns(CLOCK_MONOTONIC) - start < seconds * 1e9)) {
		uv_update_time(&loop);
		inserts[n] = timed(insert, in_order);
		resets[n] = timed(reset, order);
		cancels[n] = timed(cancel, order);
		again[n] = timed(insert, order);
		expirations[n++] = timed(expire, order);
	}
	report("insert", quantile(inserts, n, 0.5));
	report("reset", quantile(resets, n, 0.5));
	report("cancel", quantile(cancels, n, 0.5));
	report("again", quantile(again, n, 0.5));
	report("expire", quantile(expirations, n, 0.5));
	return 0;
}
