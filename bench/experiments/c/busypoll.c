/*
 * Does busy polling by the kernel spare a loop its own spinning?
 *
 *	busypoll -duration SECONDS -core N -other N -how 0|1|2
 *
 * Two threads on two cores play ping-pong with 64 bytes over loopback TCP. The
 * server waits in epoll: (0) blocking; (1) blocking, with EPIOCSPARAMS of Linux
 * 6.9 set to poll for 50 µs before sleeping; (2) polling for up to 20 µs itself,
 * and blocking then. The client sleeps in recv. "p50" and "p99" are the round
 * trip, "cpu" is the server thread's time for each, all in nanoseconds.
 */
#include "../../micro/c/bench.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

/* uapi/linux/eventpoll.h, which Debian's headers are too old for. */
struct params {
	uint32_t busy_poll_usecs;
	uint16_t busy_poll_budget;
	uint8_t prefer_busy_poll, pad;
};
#define SET_PARAMS _IOW(0x8A, 0x01, struct params)

enum { BLOCK, KERNEL, OWN, SPIN_NS = 20000, MAX_TRIPS = 1000000 };

static int how, core, fds[2];
static clockid_t server_clock;
static pthread_barrier_t ready;

static void wait_for_one(int epfd) {
	struct epoll_event ev;
	if (how == OWN) {
		int64_t until = now_ns() + SPIN_NS;
		do
			if (epoll_wait(epfd, &ev, 1, 0) == 1)
				return;
		while (now_ns() < until);
	}
	must(epoll_wait(epfd, &ev, 1, -1) == 1);
}

static void *serve(void *unused) {
	char buf[64];
	struct epoll_event ev = {.events = EPOLLIN};
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	must(epfd >= 0 && epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], &ev) == 0);
	if (how == KERNEL) {
		struct params p = {.busy_poll_usecs = 50, .busy_poll_budget = 8, .prefer_busy_poll = 1};
		must(ioctl(epfd, SET_PARAMS, &p) == 0);
	}
	pin(core);
	must((errno = pthread_getcpuclockid(pthread_self(), &server_clock)) == 0);
	pthread_barrier_wait(&ready);
	for (;;) {
		wait_for_one(epfd);
		ssize_t n = recv(fds[0], buf, sizeof buf, 0);
		if (n == 0)
			return unused;
		must(n == sizeof buf && send(fds[0], buf, n, MSG_NOSIGNAL) == n);
	}
}

static void round_trip(void) {
	char buf[64] = {0};
	must(send(fds[1], buf, sizeof buf, MSG_NOSIGNAL) == sizeof buf);
	must(recv(fds[1], buf, sizeof buf, MSG_WAITALL) == sizeof buf);
}

int main(int argc, char **argv) {
	static double trips[MAX_TRIPS];
	double seconds = option(argc, argv, "-duration", 1);
	how = option(argc, argv, "-how", 0);
	core = option(argc, argv, "-core", 0);
	pin(option(argc, argv, "-other", 1));
	open_tcp_pair(fds);
	pthread_t thread;
	pthread_barrier_init(&ready, NULL, 2);
	must((errno = pthread_create(&thread, NULL, serve, NULL)) == 0);
	pthread_barrier_wait(&ready);
	for (int i = 0; i < 200; i++)
		round_trip();
	int n = 0;
	int64_t cpu = clock_ns(server_clock), start = now_ns(), before = start;
	while (before - start < seconds * 1e9 && n < MAX_TRIPS) {
		round_trip();
		int64_t after = now_ns();
		trips[n++] = after - before;
		before = after;
	}
	cpu = clock_ns(server_clock) - cpu;
	report("p50", quantile(trips, n, 0.5));
	report("p99", quantile(trips, n, 0.99));
	report("cpu", (double)cpu / n);
	return 0;
}
