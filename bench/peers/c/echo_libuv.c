/*
 * An echo server on libuv. One buffer serves all reads, and uv_try_write sends
 * at once what the socket takes; only the rest is copied and queued, and the
 * connection is not read from until it has gone.
 *
 *	echo-libuv PORT
 */
#define _GNU_SOURCE
#include <uv.h>

#include "echo.h"

static uv_loop_t *loop;
static char buffer[BUFFER];

struct rest {
	uv_write_t request;
	uv_stream_t *stream;
	char data[];
};

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
	(void)handle, (void)suggested;
	*buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_close(uv_handle_t *handle) { free(handle); }

static void drop(uv_stream_t *stream) {
	if (!uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, on_close);
}

static void on_sent(uv_write_t *request, int status) {
	struct rest *rest = (struct rest *)request;
	if (status < 0)
		drop(rest->stream);
	else
		uv_read_start(rest->stream, lend, on_read);
	free(rest);
}

static void send_later(uv_stream_t *stream, const char *p, size_t n) {
	struct rest *rest = malloc(sizeof *rest + n);
	if (!rest)
		die("out of memory");
	rest->stream = stream;
	memcpy(rest->data, p, n);
	uv_buf_t buf = uv_buf_init(rest->data, n);
	uv_read_stop(stream);
	if (uv_write(&rest->request, stream, &buf, 1, on_sent)) {
		free(rest);
		drop(stream);
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
	if (n < 0) {
		drop(stream);
		return;
	}
	if (n == 0)
		return;
	uv_buf_t out = uv_buf_init(buf->base, n);
	int sent = uv_try_write(stream, &out, 1);
	if (sent < 0) {
		if (sent != UV_EAGAIN) {
			drop(stream);
			return;
		}
		sent = 0;
	}
	if (sent < n)
		send_later(stream, buf->base + sent, n - sent);
}

static void on_connection(uv_stream_t *listener, int status) {
	if (status < 0)
		return;
	uv_tcp_t *conn = malloc(sizeof *conn);
	if (!conn)
		die("out of memory");
	uv_tcp_init(loop, conn);
	if (uv_accept(listener, (uv_stream_t *)conn)) {
		drop((uv_stream_t *)conn);
		return;
	}
	uv_tcp_nodelay(conn, 1);
	uv_read_start((uv_stream_t *)conn, lend, on_read);
}

int main(int argc, char **argv) {
	if (argc != 2)
		die("usage: echo-libuv PORT");
	raise_limit();
	loop = uv_default_loop();
	struct sockaddr_in at;
	uv_tcp_t listener;
	uv_ip4_addr("127.0.0.1", atoi(argv[1]), &at);
	uv_tcp_init(loop, &listener);
	uv_tcp_bind(&listener, (struct sockaddr *)&at, 0);
	if (uv_listen((uv_stream_t *)&listener, SOMAXCONN, on_connection))
		die("uv_listen");
	ready();
	return uv_run(loop, UV_RUN_DEFAULT);
}
