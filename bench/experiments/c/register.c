/*
 * What does it cost to change the registration of many descriptors at once?
 *
 *	register -duration SECONDS -core N -how 0|1
 *
 * 512 sockets are added, modified and deleted: (0) with epoll_ctl, (1) with
 * IORING_OP_EPOLL_CTL, all in one system call. Nanoseconds for each socket.
 */
#include "../../micro/c/bench.h"

#include <liburing.h>
#include <sys/epoll.h>

enum { SOCKETS = 512 };

static int epfd, fds[SOCKETS];
static struct io_uring ring;

static void one_by_one(int op) {
	struct epoll_event ev = {.events = EPOLLIN};
	for (int i = 0; i < SOCKETS; i++)
		must(epoll_ctl(epfd, op, fds[i], &ev) == 0);
}

static void in_one_call(int op) {
	struct epoll_event ev = {.events = EPOLLIN};
	for (int i = 0; i < SOCKETS; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		must(sqe != NULL);
		io_uring_prep_epoll_ctl(sqe, epfd, fds[i], op, &ev);
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	}
	must(io_uring_submit(&ring) == SOCKETS);
	struct io_uring_cqe *cqe;
	if (io_uring_peek_cqe(&ring, &cqe) == 0) /* only failures answer */
		must((errno = -cqe->res) == 0);
}

static double timed(void (*change)(int op), int op) {
	int64_t start = thread_ns();
	change(op);
	return (double)(thread_ns() - start) / SOCKETS;
}

int main(int argc, char **argv) {
	enum { MAX = 100000 };
	static double add[MAX], modify[MAX], remove[MAX];
	double seconds = option(argc, argv, "-duration", 1);
	void (*change)(int) = option(argc, argv, "-how", 0) ? in_one_call : one_by_one;
	pin(option(argc, argv, "-core", 0));
	epfd = epoll_create1(EPOLL_CLOEXEC);
	must(epfd >= 0 && (errno = -io_uring_queue_init(SOCKETS, &ring, IORING_SETUP_SINGLE_ISSUER)) == 0);
	for (int i = 0; i < SOCKETS; i++) {
		fds[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		must(fds[i] >= 0);
	}
	int n = 0;
	for (int64_t start = now_ns(); n < 5 || (now_ns() - start < seconds * 1e9 && n < MAX); n++) {
		add[n] = timed(change, EPOLL_CTL_ADD);
		modify[n] = timed(change, EPOLL_CTL_MOD);
		remove[n] = timed(change, EPOLL_CTL_DEL);
	}
	report("add", quantile(add, n, 0.5));
	report("mod", quantile(modify, n, 0.5));
	report("del", quantile(remove, n, 0.5));
	return 0;
}
