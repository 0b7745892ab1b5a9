/*
 * The calls that move bytes, on a loopback TCP connection.
 *
 *	sockets -duration SECONDS -core N -how 0|1
 *
 * (0) write and read, (1) send and recv: "pass" is 64 bytes there, "nothing" a
 * read that says EAGAIN. Nanoseconds.
 */
#include "../../micro/c/bench.h"

#include <fcntl.h>

static int fds[2];
static char buf[64];

static void write_read(long n) {
	while (n--) {
		must(write(fds[1], buf, sizeof buf) == sizeof buf);
		must(read(fds[0], buf, sizeof buf) == sizeof buf);
	}
}

static void send_recv(long n) {
	while (n--) {
		must(send(fds[1], buf, sizeof buf, MSG_NOSIGNAL) == sizeof buf);
		must(recv(fds[0], buf, sizeof buf, 0) == sizeof buf);
	}
}

static void read_nothing(long n) {
	while (n--)
		must(read(fds[0], buf, sizeof buf) == -1 && errno == EAGAIN);
}

static void recv_nothing(long n) {
	while (n--)
		must(recv(fds[0], buf, sizeof buf, 0) == -1 && errno == EAGAIN);
}

int main(int argc, char **argv) {
	int sockets = option(argc, argv, "-how", 0);
	double each = option(argc, argv, "-duration", 1) / 2;
	second_thread(2);
	pin(option(argc, argv, "-core", 0));
	open_tcp_pair(fds);
	must(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	report("pass", sample(each, sockets ? send_recv : write_read));
	report("nothing", sample(each, sockets ? recv_nothing : read_nothing));
	return 0;
}
