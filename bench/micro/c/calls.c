/*
 * The calls that an event loop is made of, one at a time, in C.
 *
 *	calls-c -duration SECONDS -core N -threads 1|2
 *
 * -threads: see second_thread.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/epoll.h>

static int epfd;
static int unix_pair[2], tcp_pair[2];
static char buf[64];

static void wait_nothing(long n) {
	struct epoll_event events[16];
	while (n--)
		must(epoll_wait(epfd, events, 16, 0) == 0);
}

static void wait_one(long n) {
	struct epoll_event events[16];
	while (n--)
		must(epoll_wait(epfd, events, 16, 0) == 1);
}

static void modify(long n) {
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 1};
	while (n--)
		must(epoll_ctl(epfd, EPOLL_CTL_MOD, unix_pair[0], &ev) == 0);
}

static void send_receive(int *pair, long n) {
	while (n--) {
		must(send(pair[1], buf, sizeof buf, MSG_NOSIGNAL) == sizeof buf);
		must(recv(pair[0], buf, sizeof buf, 0) == sizeof buf);
	}
}

static void send_receive_unix(long n) { send_receive(unix_pair, n); }
static void send_receive_tcp(long n) { send_receive(tcp_pair, n); }

static void receive_nothing(long n) {
	while (n--)
		must(recv(tcp_pair[0], buf, sizeof buf, 0) == -1 && errno == EAGAIN);
}

int main(int argc, char **argv) {
	double each = option(argc, argv, "-duration", 1) / 6;
	second_thread(option(argc, argv, "-threads", 1));
	pin(option(argc, argv, "-core", 0));

	epfd = epoll_create1(EPOLL_CLOEXEC);
	must(epfd >= 0);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, unix_pair) == 0);
	open_tcp_pair(tcp_pair);
	must(fcntl(tcp_pair[0], F_SETFL, O_NONBLOCK) == 0);
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 1};
	must(epoll_ctl(epfd, EPOLL_CTL_ADD, unix_pair[0], &ev) == 0);

	report("epoll_wait-0", sample(each, wait_nothing));
	report("epoll_ctl-mod", sample(each, modify));
	report("recv-eagain", sample(each, receive_nothing));
	report("send+recv-tcp", sample(each, send_receive_tcp));

	must(send(unix_pair[1], buf, 1, MSG_NOSIGNAL) == 1);
	report("epoll_wait-1", sample(each, wait_one));
	must(recv(unix_pair[0], buf, 1, 0) == 1);

	/* Unwatched, so that no contender pays for the epoll instance. */
	must(epoll_ctl(epfd, EPOLL_CTL_DEL, unix_pair[0], NULL) == 0);
	report("send+recv-unix", sample(each, send_receive_unix));
	return 0;
}
