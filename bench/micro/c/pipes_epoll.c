/* The pipe benchmark on epoll itself: the limit. */
#include "pipes.h"

#include <sys/epoll.h>

enum { BATCH = 256 }; /* as many as a metalio Loop takes in a turn */

static int epfd;

static void loop_open(int pipes) {
	(void)pipes;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	must(epfd >= 0);
}

static void loop_watch(int i, int fd) {
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = i};
	must(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == 0);
}

static void loop_unwatch(int i, int fd) {
	(void)i;
	must(epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) == 0);
}

static void loop_turn(void) {
	struct epoll_event events[BATCH];
	int n = epoll_wait(epfd, events, BATCH, 0);
	must(n >= 0);
	for (int i = 0; i < n; i++)
		on_readable(events[i].data.u64);
}
