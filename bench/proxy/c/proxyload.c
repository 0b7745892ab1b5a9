/*
 * Both sides of a TCP proxy: the clients, and the server that the proxy connects
 * to, in one thread, so that they need one core and the proxy has the other.
 *
 *	proxyload -duration S -proxy PORT -server PORT -pid PID
 *	          -conns N -active N -size BYTES -stream 0|1
 *
 * It listens on -server and connects to -proxy as soon as somebody listens
 * there. Each connection begins with a greeting, the number of the connection,
 * which the server sends back; so when the load starts, all connections have
 * been proxied.
 *
 * The active clients then send messages of -size bytes and wait for each to come
 * back from the server; every byte is compared. With -stream they send without
 * end and nothing comes back. The server compares all bytes until the
 * measurement begins and after it has ended. In between it only counts them and
 * lets the kernel drop them: reading them would make this program the slower
 * side. At the end each connection must have carried as much as was sent.
 *
 * Figures: "rate", messages or bytes in a second; "p50" and "p99", nanoseconds
 * from the first byte sent to the last one received (0 with -stream); "cpu",
 * nanoseconds of the proxy's processor time for a message or a KiB; "idle", the
 * share of polls in percent that found nothing: how far this program was from
 * being the limit.
 */
#include "../../micro/c/bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/epoll.h>

static void die(const char *why) {
	fprintf(stderr, "proxyload: %s\n", why);
	exit(1);
}

/* What is sent is a pattern that does not repeat within a message or between
 * neighbours. Each connection begins elsewhere in it. */
enum { PERIOD = 65521, CHUNK = 128 << 10, AT_ONCE = 64, PATIENCE = 20 };
static unsigned char pattern[PERIOD + CHUNK], room[CHUNK];

static void make_pattern(void) {
	uint64_t state = 88172645463325252u;
	for (int i = 0; i < PERIOD; i++)
		pattern[i] = next_random(&state) >> 32;
	for (int i = PERIOD; i < PERIOD + CHUNK; i++)
		pattern[i] = pattern[i - PERIOD];
}

static const unsigned char *bytes_at(uint32_t conn, uint64_t offset) {
	return pattern + (conn * 7919u + offset) % PERIOD;
}

/* One end of a connection. Offsets do not count the greeting. */
struct end {
	int fd;
	bool server;
	bool greeted;
	bool ended; /* the server has read the end of the stream */
	uint32_t conn;
	uint64_t queued, sent, received; /* bytes */
	int64_t started;                 /* when the message under way was sent */
	unsigned char *held;             /* the server's: read and not sent back yet */
	int held_first, held_last;
};

static struct end *clients, *servers;
static int conns, active, accepted, greeted;
static uint64_t size;
static bool stream;
static int epfd, listener, proxy_port;

static enum { OPENING, WARM, MEASURE, DRAIN } phase;
static uint64_t units; /* messages or bytes, while measuring */

enum { MAX_LATENCIES = 8 << 20 };
static double latencies[MAX_LATENCIES];
static int recorded;

static void watch(struct end *e, uint32_t events) {
	struct epoll_event ev = {.events = events, .data.ptr = e};
	must(epoll_ctl(epfd, EPOLL_CTL_ADD, e->fd, &ev) == 0);
}

static void rewatch(struct end *e, uint32_t events) {
	struct epoll_event ev = {.events = events, .data.ptr = e};
	must(epoll_ctl(epfd, EPOLL_CTL_MOD, e->fd, &ev) == 0);
}

static void prepare(struct end *e) {
	int one = 1;
	struct linger reset = {1, 0}; /* thousands in TIME_WAIT would slow the next run */
	must(setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
	must(setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
}

/* would_block is false for success, and ends the program for other failures. */
static bool would_block(ssize_t n) {
	if (n >= 0)
		return false;
	must(errno == EAGAIN || errno == EINTR);
	return true;
}

static void accept_one(void) {
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (would_block(fd))
		return;
	if (accepted == conns)
		die("the proxy has made too many connections");
	struct end *e = &servers[accepted++];
	e->fd = fd;
	e->server = true;
	prepare(e);
	watch(e, EPOLLIN);
}

/* greet_back returns false if there is no greeting yet. */
static bool greet_back(struct end *e) {
	ssize_t n = recv(e->fd, &e->conn, sizeof e->conn, 0);
	if (would_block(n))
		return false;
	must(n == sizeof e->conn && e->conn < (uint32_t)conns);
	must(send(e->fd, &e->conn, sizeof e->conn, MSG_NOSIGNAL) == sizeof e->conn);
	e->greeted = true;
	if (!stream)
		rewatch(e, EPOLLIN | EPOLLOUT | EPOLLET);
	return false;
}

/* send_held returns false if the proxy does not take it all. */
static bool send_held(struct end *e) {
	while (e->held_first < e->held_last) {
		ssize_t n = send(e->fd, e->held + e->held_first, e->held_last - e->held_first, MSG_NOSIGNAL);
		if (would_block(n))
			return false;
		e->held_first += n;
	}
	return true;
}

static void echo(struct end *e) {
	if (!e->held)
		e->held = malloc(CHUNK);
	while (send_held(e)) {
		ssize_t n = recv(e->fd, e->held, CHUNK, 0);
		if (would_block(n))
			return;
		if (n == 0)
			die("the proxy has closed a server's connection");
		e->held_first = 0;
		e->held_last = n;
	}
}

static void swallow(struct end *e) {
	bool compare = phase != MEASURE;
	ssize_t n = recv(e->fd, room, sizeof room, compare ? 0 : MSG_TRUNC);
	if (would_block(n))
		return;
	if (n == 0) {
		e->ended = true;
		must(epoll_ctl(epfd, EPOLL_CTL_DEL, e->fd, NULL) == 0);
		return;
	}
	if (compare && memcmp(room, bytes_at(e->conn, e->received), n) != 0)
		die("other bytes came through");
	e->received += n;
	units += n;
}

static void serve(struct end *e) {
	if (!e->greeted)
		greet_back(e);
	else if (stream)
		swallow(e);
	else
		echo(e);
}

static void flush(struct end *e) {
	while (e->sent < e->queued) {
		uint64_t n = e->queued - e->sent;
		ssize_t k = send(e->fd, bytes_at(e->conn, e->sent), n < CHUNK ? n : CHUNK, MSG_NOSIGNAL);
		if (would_block(k))
			return;
		e->sent += k;
	}
}

static void next_message(struct end *e, int64_t now) {
	e->started = now;
	e->queued += size;
	flush(e);
}

static void hear_greeting(struct end *e) {
	uint32_t conn;
	ssize_t n = recv(e->fd, &conn, sizeof conn, 0);
	if (would_block(n))
		return;
	must(n == sizeof conn && conn == e->conn);
	e->greeted = true;
	greeted++;
	rewatch(e, stream ? 0 : EPOLLIN | EPOLLOUT | EPOLLET);
}

static void hear(struct end *e) {
	for (;;) {
		ssize_t n = recv(e->fd, room, sizeof room, 0);
		if (would_block(n))
			return;
		if (n == 0)
			die("the proxy has closed a client's connection");
		if (memcmp(room, bytes_at(e->conn, e->received), n) != 0 || e->received + n > e->sent)
			die("other bytes came back");
		e->received += n;
		if (e->received < e->queued)
			continue;
		int64_t now = now_ns();
		if (phase == MEASURE) {
			units++;
			if (recorded < MAX_LATENCIES)
				latencies[recorded++] = now - e->started;
		}
		if (phase != DRAIN)
			next_message(e, now);
	}
}

static void pour(struct end *e) {
	ssize_t n = send(e->fd, bytes_at(e->conn, e->sent), CHUNK, MSG_NOSIGNAL);
	if (!would_block(n))
		e->sent += n;
}

static void attend(struct end *e) {
	if (!e->greeted)
		hear_greeting(e);
	else if (stream)
		pour(e);
	else {
		flush(e);
		hear(e);
	}
}

static uint64_t polls, empty_polls;

static void turn(void) {
	struct epoll_event events[256];
	int n = epoll_wait(epfd, events, 256, 0);
	must(n >= 0);
	polls++;
	empty_polls += n == 0;
	for (int i = 0; i < n; i++) {
		struct end *e = events[i].data.ptr;
		if (e == NULL)
			accept_one();
		else if (e->server)
			serve(e);
		else
			attend(e);
	}
}

static struct sockaddr_in local(int port) {
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void listen_on(int port) {
	struct sockaddr_in at = local(port);
	int one = 1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(listener >= 0);
	must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	must(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
	must(listen(listener, 4096) == 0);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	must(epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &ev) == 0);
}

static void dial(struct end *e, uint32_t conn) {
	struct sockaddr_in to = local(proxy_port);
	int64_t give_up = now_ns() + PATIENCE * 1000000000ll;
	for (;;) {
		e->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		must(e->fd >= 0);
		if (connect(e->fd, (struct sockaddr *)&to, sizeof to) == 0)
			break;
		must(errno == ECONNREFUSED);
		if (now_ns() > give_up)
			die("nobody listens on the proxy's port");
		close(e->fd);
		usleep(10000);
	}
	prepare(e);
	must(fcntl(e->fd, F_SETFL, O_NONBLOCK) == 0);
	e->conn = conn;
	must(send(e->fd, &conn, sizeof conn, MSG_NOSIGNAL) == sizeof conn);
	watch(e, EPOLLIN);
}

static void open_all(void) {
	int64_t give_up = now_ns() + PATIENCE * 1000000000ll;
	for (int i = 0; i < conns;) {
		for (int j = 0; j < AT_ONCE && i < conns; j++, i++)
			dial(&clients[i], i);
		while (greeted < i) {
			turn();
			if (now_ns() > give_up)
				die("the proxy does not bring the greeting back");
		}
	}
}

/* nth is the k-th active client; they lie evenly among all. */
static struct end *nth(int k) { return &clients[(int64_t)k * conns / active]; }

static void run_for(double seconds) {
	int64_t until = now_ns() + seconds * 1e9;
	while (now_ns() < until)
		turn();
}

/* measure goes on, on a busy machine, until there is something to report. */
static void measure(double seconds) {
	int64_t give_up = now_ns() + PATIENCE * 1000000000ll;
	phase = MEASURE;
	units = polls = empty_polls = 0;
	run_for(seconds);
	while (units == 0) {
		turn();
		if (now_ns() > give_up)
			die("the proxy carries nothing");
	}
}

/* all_arrived says whether all that was sent has come to where it should. */
static bool all_arrived(void) {
	if (!stream) {
		for (int k = 0; k < active; k++)
			if (nth(k)->received < nth(k)->queued)
				return false;
		return true;
	}
	int ended = 0;
	for (int i = 0; i < conns; i++) {
		struct end *e = &servers[i];
		if (e->ended && e->received != clients[e->conn].sent)
			die("a stream has lost its end");
		ended += e->ended;
	}
	return ended == active;
}

static void drain(void) {
	int64_t give_up = now_ns() + PATIENCE * 1000000000ll;
	phase = DRAIN;
	for (int k = 0; stream && k < active; k++) {
		rewatch(nth(k), 0);
		must(shutdown(nth(k)->fd, SHUT_WR) == 0);
	}
	while (!all_arrived()) {
		turn();
		if (now_ns() > give_up)
			die("not all has arrived");
	}
}

static int64_t proxy_cpu(pid_t pid) {
	clockid_t clock;
	must((errno = clock_getcpuclockid(pid, &clock)) == 0);
	return clock_ns(clock);
}

int main(int argc, char **argv) {
	double seconds = option(argc, argv, "-duration", 1);
	pid_t pid = option(argc, argv, "-pid", 0);
	proxy_port = option(argc, argv, "-proxy", 0);
	conns = option(argc, argv, "-conns", 64);
	active = option(argc, argv, "-active", 64);
	size = option(argc, argv, "-size", 1024);
	stream = option(argc, argv, "-stream", 0);
	must(pid > 0 && proxy_port > 0 && size > 0 && active > 0 && active <= conns);
	raise_files();
	make_pattern();
	clients = calloc(conns, sizeof *clients);
	servers = calloc(conns, sizeof *servers);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	must(epfd >= 0);
	listen_on(option(argc, argv, "-server", 0));
	open_all();

	phase = WARM;
	for (int k = 0; k < active; k++)
		if (stream)
			rewatch(nth(k), EPOLLOUT);
		else
			next_message(nth(k), now_ns());
	run_for(0.15);

	int64_t cpu = proxy_cpu(pid), start = now_ns();
	measure(seconds);
	double took = (now_ns() - start) / 1e9, count = units;
	cpu = proxy_cpu(pid) - cpu;
	double idle = 100.0 * empty_polls / polls;
	drain();

	report("rate", count / took);
	report("p50", recorded ? quantile(latencies, recorded, 0.5) : 0);
	report("p99", recorded ? quantile(latencies, recorded, 0.99) : 0);
	report("cpu", cpu / (stream ? count / 1024 : count));
	report("idle", idle);
	return 0;
}
