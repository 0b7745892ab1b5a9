/*
 * The load generator: sends messages to an echo server over TCP, compares every
 * byte that comes back with what was sent, and prints lines of a name and a
 * number. It never sleeps unless -sleep is given.
 *
 * Without -rate each active connection keeps -window messages under way. With
 * -rate messages are due at fixed times, sent then whether or not earlier ones
 * have come back, and their latency counts from the time they were due: a
 * server that stalls cannot make the load wait for it and so hide the stall.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;

static void die(const char *format, ...) {
	va_list args;
	va_start(args, format);
	fprintf(stderr, "loadgen: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static u64 now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What is sent is a pattern that does not repeat within a message or between
 * neighbours, so that a byte lost, doubled or sent to another connection
 * shows. */
enum { PERIOD = 65521, CHUNK = 256 << 10 };
static unsigned char pattern[PERIOD + CHUNK];
static unsigned char room[CHUNK];

static void make_pattern(void) {
	u64 x = 88172645463325252u;
	for (int i = 0; i < PERIOD; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		pattern[i] = x >> 32;
	}
	for (int i = PERIOD; i < PERIOD + CHUNK; i++)
		pattern[i] = pattern[i - PERIOD];
}

/* A histogram with 64 steps for each power of two: 1.6 % wide. */
enum { STEPS = 64, POWERS = 42 };
static u64 histogram[POWERS * STEPS], recorded, longest, over_9ms;

static int bucket(u64 v) {
	if (v < STEPS)
		return v;
	int shift = 63 - __builtin_clzll(v) - 6;
	int b = (shift + 1) * STEPS + (int)(v >> shift) - STEPS;
	return b < POWERS * STEPS ? b : POWERS * STEPS - 1;
}

static double bucket_middle(int b) {
	if (b < STEPS)
		return b;
	int shift = b / STEPS - 1;
	return ((double)(b % STEPS + STEPS) + 0.5) * (double)(1ull << shift);
}

static void record(u64 latency) {
	histogram[bucket(latency)]++;
	recorded++;
	if (latency > longest)
		longest = latency;
	if (latency > 9000000)
		over_9ms++;
}

static double percentile(double p) {
	u64 rank = p / 100 * recorded, seen = 0;
	for (int b = 0; b < POWERS * STEPS; b++)
		if ((seen += histogram[b]) > rank)
			return bucket_middle(b) < longest ? bucket_middle(b) : longest;
	return longest;
}

struct conn {
	int fd;
	unsigned start;       /* where in the pattern its stream begins */
	u64 queued, sent;     /* bytes to send, and of these sent */
	u64 received;         /* bytes */
	u64 complete;         /* messages that have come back */
	u64 *times;           /* a ring: when each message under way was sent or due */
	u64 first, next;      /* its ends */
};

static int port, conns = 1, active, window = 1, use_epoll = 1, may_sleep;
static int ring; /* size of the ring of times */
static u64 size = 64;
static double duration = 1, warmup = 0.1, rate, hold;
static pid_t server;
static struct conn *all;
static int epfd;

static enum { WARM, MEASURE, DRAIN } phase;
static u64 begun, ended;
static u64 messages, outstanding;
static u64 polls, empty_polls;

/* cpu_ns is the processor time of the server, all its threads, so far. */
static u64 cpu_ns(void) {
	clockid_t clock;
	struct timespec t;
	if (!server)
		return 0;
	if (clock_getcpuclockid(server, &clock) || clock_gettime(clock, &t))
		die("the server's processor time: %s", strerror(errno));
	return (u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* field adds up what a status file says under a name. */
static u64 field(const char *path, const char *name) {
	char line[256];
	u64 sum = 0;
	FILE *f = fopen(path, "r");
	if (!f)
		return 0; /* a thread that has just ended */
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, name, strlen(name)))
			sum += strtoull(line + strlen(name), NULL, 10);
	fclose(f);
	return sum;
}

static u64 switches(void) {
	char path[300];
	u64 sum = 0;
	if (!server)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/task", server);
	DIR *d = opendir(path);
	if (!d)
		die("%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/status", server, e->d_name);
		sum += field(path, "voluntary_ctxt_switches:") + field(path, "nonvoluntary_ctxt_switches:");
	}
	closedir(d);
	return sum;
}

static u64 resident(void) {
	char path[64];
	if (!server)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/status", server);
	return field(path, "VmRSS:") * 1024;
}

static void flush(struct conn *c) {
	while (c->sent < c->queued) {
		u64 n = c->queued - c->sent;
		if (n > CHUNK)
			n = CHUNK;
		ssize_t k = send(c->fd, pattern + (c->start + c->sent) % PERIOD, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			die("send: %s", strerror(errno));
		}
		c->sent += k;
	}
}

static void queue(struct conn *c, u64 time) {
	if (c->next - c->first == (u64)ring)
		die("the server is too slow for this rate: %d messages under way on a connection", ring);
	c->times[c->next++ % ring] = time;
	c->queued += size;
	outstanding++;
}

static void came_back(struct conn *c, u64 now) {
	u64 sent = c->times[c->first++ % ring];
	c->complete++;
	outstanding--;
	if (phase == MEASURE)
		messages++;
	/* What was under way at the end counts when it comes back, however late. */
	if (phase != WARM && sent >= begun && (!ended || sent < ended))
		record(now > sent ? now - sent : 0);
	if (!rate && phase != DRAIN)
		queue(c, now);
}

/* take reads what has come back and sends what follows. It returns whether
 * there was anything. */
static int take(struct conn *c) {
	int any = 0;
	for (;;) {
		ssize_t n = recv(c->fd, room, sizeof room, MSG_DONTWAIT);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				break;
			die("recv: %s", strerror(errno));
		}
		if (n == 0)
			die("the server has closed a connection");
		if (memcmp(room, pattern + (c->start + c->received) % PERIOD, n) || c->received + n > c->sent)
			die("other bytes came back");
		any = 1;
		c->received += n;
		u64 now = now_ns();
		while (c->received >= (c->complete + 1) * size)
			came_back(c, now);
		if ((size_t)n < sizeof room)
			break;
	}
	flush(c);
	return any;
}

enum { PORTS = 5000 }; /* connections from one address */

static void dial(struct conn *c, int index) {
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	struct linger reset = {1, 0}; /* thousands in TIME_WAIT would slow the next run */
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket %d: %s", index, strerror(errno));
	/* The kernel searches long for the last free ports of an address. */
	if (index >= PORTS) {
		struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + index / PORTS)};
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
		if (bind(c->fd, (struct sockaddr *)&from, sizeof from))
			die("bind %d: %s", index, strerror(errno));
	}
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to))
		die("connect %d: %s", index, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	c->start = (unsigned)index * 7919 % PERIOD;
	c->times = calloc(ring, sizeof *c->times);
	if (!c->times)
		die("out of memory");
}

/* greet sends one message on each of some new connections and waits for it, so
 * that the server has accepted all and has made what it makes for each. */
static void greet(struct conn *c, int n) {
	for (int i = 0; i < n; i++) {
		queue(&c[i], now_ns());
		flush(&c[i]);
	}
	u64 deadline = now_ns() + 20000000000u;
	for (int i = 0; i < n; i++) {
		while (c[i].complete == 0) {
			ssize_t k = recv(c[i].fd, room, sizeof room, MSG_DONTWAIT);
			if (k == 0 || (k < 0 && errno != EAGAIN))
				die("the server does not greet: %s", k ? strerror(errno) : "end of stream");
			if (k > 0 && memcmp(room, pattern + (c[i].start + c[i].received) % PERIOD, k))
				die("other bytes came back");
			if (k > 0)
				c[i].received += k;
			flush(&c[i]);
			if (c[i].received == size) {
				c[i].complete = 1;
				c[i].first = 1;
				outstanding--;
			}
			if (now_ns() > deadline)
				die("the server does not answer its greeting");
		}
	}
}

static void open_all(void) {
	enum { AT_ONCE = 64 };
	for (int i = 0; i < conns; i += AT_ONCE) {
		int n = conns - i < AT_ONCE ? conns - i : AT_ONCE;
		for (int j = 0; j < n; j++)
			dial(&all[i + j], i + j);
		greet(all + i, n);
	}
}

/* nth is the k-th active connection; they lie evenly among all. */
static struct conn *nth(int k) { return &all[(u64)k * conns / active]; }

static void watch(void) {
	epfd = epoll_create1(EPOLL_CLOEXEC);
	for (int k = 0; k < active; k++) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = nth(k)};
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, nth(k)->fd, &e))
			die("epoll_ctl: %s", strerror(errno));
	}
}

/* poll_once looks once at the connections. timeout is in ns, and only used
 * with -sleep. */
static void poll_once(u64 timeout) {
	int any = 0;
	polls++;
	if (!use_epoll) {
		for (int k = 0; k < active; k++)
			any |= take(nth(k));
	} else {
		struct epoll_event events[256];
		struct timespec t = {timeout / 1000000000, timeout % 1000000000};
		int n = syscall(SYS_epoll_pwait2, epfd, events, 256, &t, NULL, 0);
		if (n < 0 && errno != EINTR)
			die("epoll_pwait2: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			any |= take(events[i].data.ptr);
	}
	empty_polls += !any;
}

static u64 period, due, turn;

/* send_due sends what is due, and returns the time until more is. */
static u64 send_due(void) {
	u64 now = now_ns();
	while (due <= now) {
		struct conn *c = nth(turn++ % active);
		queue(c, due);
		flush(c);
		due += period;
	}
	return due > now ? due - now : 0;
}

static u64 cpu_used, switched;
static double seconds;

static void advance_phase(void) {
	static u64 phase_end;
	u64 now = now_ns();
	if (!phase_end)
		phase_end = now + warmup * 1e9;
	if (now < phase_end)
		return;
	switch (phase) {
	case WARM:
		switched = switches();
		phase = MEASURE;
		polls = empty_polls = 0;
		cpu_used = cpu_ns();
		begun = now_ns();
		if (rate && due < begun) /* the pause was ours */
			due = begun;
		phase_end = begun + duration * 1e9;
		break;
	case MEASURE:
		ended = now_ns();
		cpu_used = cpu_ns() - cpu_used;
		switched = switches() - switched;
		seconds = (ended - begun) / 1e9;
		phase = DRAIN;
		phase_end = ended + 20000000000u;
		break;
	case DRAIN:
		die("%llu messages have not come back", (unsigned long long)outstanding);
	}
}

static void load(void) {
	u64 wait = 1000000; /* for a look at the time */
	if (rate) {
		period = 1e9 / rate;
		due = now_ns();
	} else {
		for (int k = 0; k < active; k++) {
			for (int i = 0; i < window; i++)
				queue(nth(k), now_ns());
			flush(nth(k));
		}
	}
	while (phase != DRAIN || outstanding) {
		if (rate && phase != DRAIN)
			wait = send_due();
		poll_once(may_sleep ? wait : 0);
		advance_phase();
	}
}

static void parse(int argc, char **argv) {
	static const struct option options[] = {
		{"port", 1, 0, 'p'},   {"conns", 1, 0, 'c'},  {"active", 1, 0, 'a'}, {"window", 1, 0, 'w'},
		{"size", 1, 0, 's'},   {"duration", 1, 0, 'd'}, {"warmup", 1, 0, 'u'}, {"rate", 1, 0, 'r'},
		{"pid", 1, 0, 'i'},    {"scan", 0, 0, 'n'},   {"sleep", 0, 0, 'z'},  {"hold", 1, 0, 'h'}, {0, 0, 0, 0},
	};
	for (int o; (o = getopt_long_only(argc, argv, "", options, NULL)) != -1;)
		switch (o) {
		case 'p': port = atoi(optarg); break;
		case 'c': conns = atoi(optarg); break;
		case 'a': active = atoi(optarg); break;
		case 'w': window = atoi(optarg); break;
		case 's': size = atoi(optarg); break;
		case 'd': duration = atof(optarg); break;
		case 'u': warmup = atof(optarg); break;
		case 'r': rate = atof(optarg); break;
		case 'i': server = atoi(optarg); break;
		case 'n': use_epoll = 0; break;
		case 'z': may_sleep = 1; break;
		case 'h': hold = atof(optarg); break;
		default: exit(2);
		}
	if (!active || active > conns)
		active = conns;
	if (!port || conns < 1 || window < 1 || size < 1 || size > 1 << 20)
		die("a -port, and at least one of everything");
	ring = rate ? 1 << 16 : window + 1;
	if (rate && conns > 1000)
		ring = 1 << 10;
}

/* With -hold the connections do nothing for so many seconds, and only the
 * server's memory is reported. */
static void hold_idle(u64 before) {
	usleep(hold * 1e6);
	u64 after = resident();
	printf("rss %llu\n", (unsigned long long)after);
	printf("start %llu\n", (unsigned long long)before);
	printf("grown %.1f\n", ((double)after - (double)before) / conns);
}

int main(int argc, char **argv) {
	parse(argc, argv);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (may_sleep)
		setpriority(PRIO_PROCESS, 0, -20); /* if we may: the load must come in time */
	make_pattern();
	all = calloc(conns, sizeof *all);
	if (!all)
		die("out of memory");
	u64 before = resident();
	open_all();
	if (hold > 0) {
		hold_idle(before);
		return 0;
	}
	if (use_epoll)
		watch();
	load();
	if (!messages || !recorded)
		die("no message came back in time");
	printf("messages %llu\n", (unsigned long long)messages);
	printf("rate %.1f\n", messages / seconds);
	printf("p50 %.0f\np90 %.0f\np99 %.0f\np999 %.0f\nmax %llu\n", percentile(50), percentile(90), percentile(99),
	       percentile(99.9), (unsigned long long)longest);
	printf("over9ms %.4f\n", 100.0 * over_9ms / recorded);
	printf("cpu %.1f\n", (double)cpu_used / messages);
	printf("switches %.4f\n", (double)switched / messages);
	printf("idle %.1f\n", 100.0 * empty_polls / polls);
	printf("rss %llu\n", (unsigned long long)resident());
	return 0;
}
