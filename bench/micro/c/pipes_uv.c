/* The pipe benchmark on libuv, with uv_poll_t, its watcher of descriptors. */
#include "pipes.h"

#include <uv.h>

static uv_loop_t loop;
static uv_poll_t *watchers;

static void readable(uv_poll_t *w, int status, int events) {
	must(status == 0 && (events & UV_READABLE));
	on_readable(w - watchers);
}

static void loop_open(int pipes) {
	must(uv_loop_init(&loop) == 0);
	watchers = calloc(pipes, sizeof *watchers);
}

/* A handle is made once and started and stopped after that. */
static void loop_watch(int i, int fd) {
	if (watchers[i].loop == NULL)
		must(uv_poll_init(&loop, &watchers[i], fd) == 0);
	must(uv_poll_start(&watchers[i], UV_READABLE, readable) == 0);
}

static void loop_unwatch(int i, int fd) {
	(void)fd;
	must(uv_poll_stop(&watchers[i]) == 0);
}

static void loop_turn(void) { uv_run(&loop, UV_RUN_NOWAIT); }
