/*
 * The limit: an echo server on epoll, written by hand. Edge-triggered, each
 * connection registered once for both directions; a short read means that the
 * socket is empty, so that a message costs two system calls.
 *
 *	echo-epoll PORT block|spin|block-threads|spin-threads
 *
 * block sleeps in epoll_wait, spin never sleeps. With -threads there is a second
 * thread that does nothing: what any program with more than one thread pays for
 * its shared table of files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "echo.h"

/* conn is a connection, and what could not be sent yet. */
struct conn {
	int fd;
	int ending; /* the end of the stream has come: a short read hides it */
	unsigned start, end;
	char *pending;
};

static int epfd;
static char buffer[BUFFER];

static void watch(int fd, void *word, unsigned events) {
	struct epoll_event e = {.events = events, .data.ptr = word};
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e))
		die("epoll_ctl");
}

static void drop(struct conn *c) {
	close(c->fd);
	free(c->pending);
	free(c);
}

static void accept_all(int listener) {
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		no_delay(fd);
		struct conn *c = calloc(1, sizeof *c);
		if (!c)
			die("out of memory");
		c->fd = fd;
		watch(fd, c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

/* keep saves what the socket did not take. */
static void keep(struct conn *c, const char *p, unsigned n) {
	if (!c->pending && !(c->pending = malloc(BUFFER)))
		die("out of memory");
	memcpy(c->pending, p, n);
	c->start = 0;
	c->end = n;
}

/* flush returns 0 if there is still something to send, -1 at an error. */
static int flush(struct conn *c) {
	while (c->start < c->end) {
		ssize_t n = send(c->fd, c->pending + c->start, c->end - c->start, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->start += n;
	}
	free(c->pending);
	c->pending = NULL;
	c->start = c->end = 0;
	return 1;
}

static void serve(struct conn *c, unsigned events) {
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->ending = 1;
	if (c->pending) {
		int r = flush(c);
		if (r < 0)
			drop(c);
		if (r <= 0)
			return;
	}
	for (;;) {
		ssize_t n = recv(c->fd, buffer, BUFFER, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			drop(c);
			return;
		}
		ssize_t sent = send(c->fd, buffer, n, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN) {
				drop(c);
				return;
			}
			sent = 0;
		}
		if (sent < n) {
			keep(c, buffer + sent, n - sent);
			return;
		}
		if (n < BUFFER && !c->ending)
			return;
	}
}

static void *idle(void *unused) {
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv) {
	if (argc != 3)
		die("usage: echo-epoll PORT block|spin|block-threads|spin-threads");
	raise_limit();
	int listener = listen_on(atoi(argv[1]));
	int timeout = strncmp(argv[2], "spin", 4) ? -1 : 0;
	pthread_t thread;
	if (strstr(argv[2], "-threads") && pthread_create(&thread, NULL, idle, NULL))
		die("pthread_create");
	epfd = epoll_create1(EPOLL_CLOEXEC);
	watch(listener, NULL, EPOLLIN);
	ready();
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(epfd, events, 256, timeout);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				serve(events[i].data.ptr, events[i].events);
			else
				accept_all(listener);
		}
	}
}
