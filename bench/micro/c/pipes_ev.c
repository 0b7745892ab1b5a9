/* The pipe benchmark on libev. */
#include "pipes.h"

#include <ev.h>

static struct ev_loop *loop;
static ev_io *watchers;

static void readable(struct ev_loop *l, ev_io *w, int events) {
	(void)l;
	must(events & EV_READ);
	on_readable(w - watchers);
}

static void loop_open(int pipes) {
	loop = ev_loop_new(EVBACKEND_EPOLL);
	must(loop != NULL);
	watchers = calloc(pipes, sizeof *watchers);
}

static void loop_watch(int i, int fd) {
	ev_io_init(&watchers[i], readable, fd, EV_READ);
	ev_io_start(loop, &watchers[i]);
}

static void loop_unwatch(int i, int fd) {
	(void)fd;
	ev_io_stop(loop, &watchers[i]);
}

static void loop_turn(void) { ev_run(loop, EVRUN_NOWAIT); }
