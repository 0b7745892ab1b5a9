/*
 * Messages from threads to a libuv loop: a queue under a mutex, whose two halves
 * the loop swaps, and uv_async_send, as libuv's manual has it.
 *
 *	messages-uv -duration SECONDS -producers N -burst N
 *
 * messages/main.go says what is measured. The queue is bounded like the others.
 * "wakes" counts write(2), which this program defines in the place of libc's:
 * libuv calls it to wake its loop.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <uv.h>

enum { CAPACITY = 4096, PER_ROUND = 200000, MAX_ROUNDS = 100000, PAUSE = 200 * 1000, MAX_PRODUCERS = 16 };

static atomic_long wakes;

/* For libuv; nothing else here writes to descriptors but stdio, which does not
 * call it by this name. */
ssize_t write(int fd, const void *buf, size_t n) {
	atomic_fetch_add(&wakes, 1);
	return syscall(SYS_write, fd, buf, n);
}

static uv_loop_t loop;
static uv_async_t async;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;
static uint64_t halves[2][CAPACITY], *in = halves[0], *out = halves[1];
static int in_len;
static bool waiting; /* somebody waits for room */

/* What the consumer tells when it gets a zero. */
static uint64_t sum;
static uv_sem_t told;

static void send_message(uint64_t message) {
	pthread_mutex_lock(&mutex);
	while (in_len == CAPACITY) {
		waiting = true;
		pthread_cond_wait(&room, &mutex);
	}
	in[in_len++] = message;
	pthread_mutex_unlock(&mutex);
	uv_async_send(&async);
}

static void receive(uv_async_t *unused) {
	(void)unused;
	for (;;) {
		pthread_mutex_lock(&mutex);
		uint64_t *full = in;
		int n = in_len;
		in = out;
		out = full;
		in_len = 0;
		bool wake = waiting;
		waiting = false;
		pthread_mutex_unlock(&mutex);
		if (wake)
			pthread_cond_broadcast(&room);
		if (n == 0)
			return;
		for (int i = 0; i < n; i++) {
			sum += full[i];
			if (full[i] == 0)
				uv_sem_post(&told);
		}
	}
}

static void *consume(void *unused) {
	uv_run(&loop, UV_RUN_DEFAULT);
	return unused;
}

static uint64_t expected;

static void must_be_all(void) { must(sum == expected); }

/* Producers wait here for the next round. */
static pthread_barrier_t begin;
static int producers;

static void *produce(void *unused) {
	for (;;) {
		pthread_barrier_wait(&begin);
		for (uint64_t i = 0; i < (uint64_t)(PER_ROUND / producers); i++)
			send_message(i + 1);
		send_message(0);
	}
	return unused;
}

static double flood_once(void) {
	uint64_t n = PER_ROUND / producers;
	int64_t start = now_ns();
	pthread_barrier_wait(&begin);
	for (int i = 0; i < producers; i++)
		uv_sem_wait(&told);
	int64_t took = now_ns() - start;
	expected += producers * n * (n + 1) / 2;
	must_be_all();
	return PER_ROUND * 1e9 / took;
}

static void flood(double seconds) {
	static double rates[MAX_ROUNDS];
	must(producers <= MAX_PRODUCERS);
	pthread_barrier_init(&begin, NULL, producers + 1);
	for (int i = 0; i < producers; i++) {
		pthread_t thread;
		must((errno = pthread_create(&thread, NULL, produce, NULL)) == 0);
	}
	flood_once();
	flood_once();
	long before = wakes;
	int n = 0;
	int64_t start = now_ns(), cpu = process_ns();
	while (n < 3 || (n < MAX_ROUNDS && now_ns() - start < seconds * 1e9))
		rates[n++] = flood_once();
	cpu = process_ns() - cpu;
	double all = (double)n * PER_ROUND;
	report("wakes", (wakes - before) * 1e6 / all);
	report("cpu", cpu / all);
	report("rate", quantile(rates, n, 0.5));
}

static double burst_once(int burst) {
	int64_t idle = now_ns(), start;
	while ((start = now_ns()) - idle < PAUSE)
		;
	for (int i = 0; i < burst - 1; i++)
		send_message(i + 1);
	send_message(0);
	uv_sem_wait(&told);
	int64_t took = now_ns() - start;
	expected += (uint64_t)burst * (burst - 1) / 2;
	must_be_all();
	return took;
}

static void bursts(double seconds, int burst) {
	static double times[MAX_ROUNDS];
	for (int i = 0; i < 20; i++)
		burst_once(burst);
	long before = wakes;
	int n = 0;
	int64_t start = now_ns();
	while (n < 3 || (n < MAX_ROUNDS && now_ns() - start < seconds * 1e9))
		times[n++] = burst_once(burst);
	report("wakes", (double)(wakes - before) / n);
	report("burst", quantile(times, n, 0.5));
}

int main(int argc, char **argv) {
	double seconds = option(argc, argv, "-duration", 1);
	int burst = option(argc, argv, "-burst", 0);
	producers = option(argc, argv, "-producers", 1);
	must(uv_sem_init(&told, 0) == 0);
	must(uv_loop_init(&loop) == 0);
	must(uv_async_init(&loop, &async, receive) == 0);
	pthread_t thread;
	must((errno = pthread_create(&thread, NULL, consume, NULL)) == 0);
	if (burst > 0)
		bursts(seconds, burst);
	else
		flood(seconds);
	fflush(stdout);
	_exit(0); /* the threads are in the middle of their work */
}
