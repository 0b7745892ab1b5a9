/*
 * What does an event cost more if the epoll instance is itself watched by
 * another one, as it is while a goroutine is parked on it?
 *
 *	nested -duration SECONDS -core N -levels 0|1|2
 *
 * A byte is written to a watched pipe, found and read again; nobody waits on the
 * outer instances. "event" is nanoseconds for all three calls.
 */
#include "../../micro/c/bench.h"

#include <fcntl.h>
#include <sys/epoll.h>

static int epfd, ends[2];

static void pass(long n) {
	struct epoll_event ev;
	char byte = 0;
	while (n--) {
		must(write(ends[1], &byte, 1) == 1);
		must(epoll_wait(epfd, &ev, 1, 0) == 1);
		must(read(ends[0], &byte, 1) == 1);
	}
}

static int watch(int fd) {
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	int outer = epoll_create1(EPOLL_CLOEXEC);
	must(outer >= 0 && epoll_ctl(outer, EPOLL_CTL_ADD, fd, &ev) == 0);
	return outer;
}

int main(int argc, char **argv) {
	pin(option(argc, argv, "-core", 0));
	must(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	epfd = watch(ends[0]);
	int top = epfd;
	for (int i = option(argc, argv, "-levels", 0); i > 0; i--)
		top = watch(top);
	report("event", sample(option(argc, argv, "-duration", 1), pass));
	return 0;
}
