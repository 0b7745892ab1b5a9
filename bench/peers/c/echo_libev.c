/*
 * An echo server on libev: one watcher for each connection, for reading, and
 * for writing instead while something could not be sent.
 *
 *	echo-libev PORT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <ev.h>
#include <unistd.h>

#include "echo.h"

struct conn {
	ev_io io;
	unsigned start, end;
	char *pending;
};

static char buffer[BUFFER];

static void drop(struct ev_loop *loop, struct conn *c) {
	ev_io_stop(loop, &c->io);
	close(c->io.fd);
	free(c->pending);
	free(c);
}

static void watch(struct ev_loop *loop, struct conn *c, int events) {
	ev_io_stop(loop, &c->io);
	ev_io_set(&c->io, c->io.fd, events);
	ev_io_start(loop, &c->io);
}

static void send_rest(struct ev_loop *loop, struct conn *c) {
	ssize_t n = send(c->io.fd, c->pending + c->start, c->end - c->start, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN)
			drop(loop, c);
		return;
	}
	c->start += n;
	if (c->start < c->end)
		return;
	free(c->pending);
	c->pending = NULL;
	watch(loop, c, EV_READ);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events) {
	struct conn *c = (struct conn *)io;
	if (events & EV_WRITE) {
		send_rest(loop, c);
		return;
	}
	ssize_t n = recv(io->fd, buffer, BUFFER, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(loop, c);
		return;
	}
	ssize_t sent = send(io->fd, buffer, n, MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno != EAGAIN) {
			drop(loop, c);
			return;
		}
		sent = 0;
	}
	if (sent == n)
		return;
	if (!(c->pending = malloc(BUFFER)))
		die("out of memory");
	memcpy(c->pending, buffer + sent, n - sent);
	c->start = 0;
	c->end = n - sent;
	watch(loop, c, EV_WRITE);
}

static void on_connection(struct ev_loop *loop, ev_io *listener, int events) {
	(void)events;
	for (;;) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		no_delay(fd);
		struct conn *c = calloc(1, sizeof *c);
		if (!c)
			die("out of memory");
		ev_io_init(&c->io, on_ready, fd, EV_READ);
		ev_io_start(loop, &c->io);
	}
}

int main(int argc, char **argv) {
	if (argc != 2)
		die("usage: echo-libev PORT");
	raise_limit();
	struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
	if (!loop)
		die("ev_default_loop");
	ev_io listener;
	ev_io_init(&listener, on_connection, listen_on(atoi(argv[1])), EV_READ);
	ev_io_start(loop, &listener);
	ready();
	ev_run(loop, 0);
	return 0;
}
