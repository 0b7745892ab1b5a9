/*
 * The pipe benchmark with io_uring as a selector: one poll request for each pipe,
 * made again after each event, which gives the meaning of level-triggered epoll.
 * Requests travel with the call that waits, so a change of registration is no
 * system call. Bytes are read and written with read(2) and write(2).
 */
#include "../../micro/c/pipes.h"

#include <liburing.h>
#include <poll.h>

static struct io_uring ring;

/* The answers to removals carry a number that is no pipe's. */
enum { ENTRIES = 4096 };
static const uint64_t REMOVAL = UINT64_MAX;

static void loop_open(int pipes) {
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * ENTRIES,
	};
	(void)pipes;
	must((errno = -io_uring_queue_init_params(ENTRIES, &ring, &params)) == 0);
}

static struct io_uring_sqe *request(void) {
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	if (sqe)
		return sqe;
	must(io_uring_submit(&ring) >= 0);
	return io_uring_get_sqe(&ring);
}

static void loop_watch(int i, int fd) {
	struct io_uring_sqe *sqe = request();
	io_uring_prep_poll_add(sqe, fd, POLLIN);
	sqe->user_data = i;
}

static void loop_unwatch(int i, int fd) {
	(void)fd;
	struct io_uring_sqe *sqe = request();
	io_uring_prep_poll_remove(sqe, i);
	sqe->user_data = REMOVAL;
}

static void loop_turn(void) {
	struct io_uring_cqe *cqes[256];
	must(io_uring_submit_and_get_events(&ring) >= 0);
	for (;;) {
		int n = io_uring_peek_batch_cqe(&ring, cqes, 256);
		for (int k = 0; k < n; k++) {
			uint64_t i = cqes[k]->user_data;
			int result = cqes[k]->res;
			if (i == REMOVAL || result == -ECANCELED)
				continue;
			must(result > 0);
			on_readable(i);
			loop_watch(i, ends[i].readable);
		}
		io_uring_cq_advance(&ring, n);
		if (n == 0)
			return;
	}
}
