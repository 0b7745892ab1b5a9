/*
 * The pipe benchmark with io_uring as it is meant: each pipe has a read under way,
 * and bytes are written by requests too, so that one system call reads, writes
 * and waits for many pipes. There is no readiness, so no Poll could be built on
 * it: the kernel keeps a buffer of each pipe that is read from.
 */
#define OWN_IO
#include "../../micro/c/pipes.h"

#include <liburing.h>

static struct io_uring ring;
static char *bytes;

enum { ENTRIES = 4096 };
static const uint64_t REMOVAL = UINT64_MAX, WRITE = UINT64_MAX - 1;

static void loop_open(int pipes) {
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * ENTRIES,
	};
	must((errno = -io_uring_queue_init_params(ENTRIES, &ring, &params)) == 0);
	bytes = calloc(pipes, 1);
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
	io_uring_prep_read(sqe, fd, &bytes[i], 1, 0);
	sqe->user_data = i;
}

static void loop_unwatch(int i, int fd) {
	(void)fd;
	struct io_uring_sqe *sqe = request();
	io_uring_prep_cancel64(sqe, i, 0);
	sqe->user_data = REMOVAL;
}

static void write_byte(int i) {
	struct io_uring_sqe *sqe = request();
	io_uring_prep_write(sqe, ends[i].writable, "e", 1, 0);
	sqe->user_data = WRITE;
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	fired++;
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
			must(i != WRITE && result == 1); /* writes answer only if they fail */
			has_read(i);
			loop_watch(i, ends[i].readable);
		}
		io_uring_cq_advance(&ring, n);
		if (n == 0)
			return;
	}
}
