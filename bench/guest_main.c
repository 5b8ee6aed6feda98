/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pith-bench-guest: init starts it in place of the agent (pith.agent=), it leaves a server for the
 * floors on vsock port 5000 behind and becomes the agent. One command a connection, one line:
 *   echo                       sends back what comes, until the end
 *   source BYTES               sends that many bytes
 *   blocks BYTES               sends 32 KiB for every 16 bytes that come, until that many were sent
 *   relay BYTES                the same with what another process writes into a pipe
 *   fork|ns|root|join ROUNDS   that many starts of "true": "MIN P10 MEDIAN" in ns
 *   rss                        anonymous memory of init and the agent in bytes: "INIT AGENT"
 * Other names make it the programs that the measured containers run: "true" exits 0, "sleep" waits
 * for a signal, "source BYTES" writes them to standard output. As PID 1 it is the least init there
 * can be: one line on the console, then the end.
 */
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "bench/guest.h"

#define BENCH_PORT  5000
#define ROUNDS_MAX  10000
#define BENCH_ASK   16
#define BENCH_BLOCK 32768
#define BENCH_ROOT  "/opt/bench/rootfs"
#define TRUE_PATH   BENCH_ROOT "/bin/true"
#define AGENT_PATH  "/usr/bin/pith-agent"

static char bulk[65536];

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void serve_echo(int fd)
{
	ssize_t n;

	while ((n = read(fd, bulk, sizeof(bulk))) > 0)
		if (fd_write_full(fd, bulk, (size_t)n) < 0)
			return;
}

static void serve_source(int fd, uint64_t left)
{
	while (left > 0) {
		size_t n = left < sizeof(bulk) ? (size_t)left : sizeof(bulk);

		if (fd_write_full(fd, bulk, n) < 0)
			return;
		left -= n;
	}
}

/* What one ReadStdout after the other is at the least: a small question, a block for an answer. */
static void serve_blocks(int fd, uint64_t left)
{
	char ask[BENCH_ASK];

	while (left > 0 && fd_read_full(fd, ask, sizeof(ask)) == (ssize_t)sizeof(ask)) {
		size_t n = left < BENCH_BLOCK ? (size_t)left : BENCH_BLOCK;

		if (fd_write_full(fd, bulk, n) < 0)
			return;
		left -= n;
	}
}

/* The same with the pipe that a container's standard output is. */
static void serve_relay(int fd, uint64_t left)
{
	char ask[BENCH_ASK];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	if (fork() == 0) {
		serve_source(ends[1], left);
		_exit(0);
	}
	while (left > 0 && fd_read_full(fd, ask, sizeof(ask)) == (ssize_t)sizeof(ask)) {
		ssize_t n = fd_read_full(ends[0], bulk, BENCH_BLOCK);

		if (n <= 0 || fd_write_full(fd, bulk, (size_t)n) < 0)
			return;
		left -= (uint64_t)n;
	}
}

static int one_start(const char *what, int sleeper)
{
	if (streq(what, "fork"))
		return bench_fork_exec(TRUE_PATH);
	if (streq(what, "ns"))
		return bench_ns_exec(TRUE_PATH);
	if (streq(what, "root"))
		return bench_root_exec(BENCH_ROOT, "/bin/true");
	if (streq(what, "join"))
		return bench_join_exec(sleeper, TRUE_PATH);
	return -EINVAL;
}

static void serve_starts(int fd, const char *what, uint64_t rounds)
{
	cleanup_free uint64_t *v = calloc(rounds, sizeof(*v));
	int sleeper = streq(what, "join") ? bench_sleeper_start() : 0;
	int r = v == NULL ? -ENOMEM : sleeper;

	for (uint64_t i = 0; i < rounds && r >= 0; i++) {
		uint64_t start = now_ns();

		r = one_start(what, sleeper);
		v[i] = now_ns() - start;
	}
	if (sleeper > 0)
		bench_sleeper_stop(sleeper);
	if (r < 0) {
		(void)dprintf(fd, "error %s: %s\n", what, strerror(-r));
		return;
	}
	qsort(v, rounds, sizeof(*v), compare_u64);
	(void)dprintf(fd, "%llu %llu %llu\n", (unsigned long long)v[0],
		      (unsigned long long)v[rounds / 10], (unsigned long long)v[rounds / 2]);
}

/* Anonymous memory of one process, in bytes: what would be free without it. Not Private_Dirty: pages of
 * programs and libraries in an initramfs count as dirty there, and stay whether mapped or not. 0 when it
 * cannot be read. */
static uint64_t private_bytes(const char *pid)
{
	char path[64], text[2048];
	struct slice rest, line, name;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", pid);
	n = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	rest = (struct slice){text, n > 0 ? (size_t)n : 0};
	while (slice_cut(&rest, '\n', &line))
		if (slice_cut(&line, ':', &name) && slice_eq(name, "Anonymous"))
			return strtoull(line.p, NULL, 10) * 1024;
	return 0;
}

static void serve_rss(int fd, pid_t agent)
{
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)agent);
	(void)dprintf(fd, "%llu %llu\n", (unsigned long long)private_bytes("1"),
		      (unsigned long long)private_bytes(pid));
}

/* Byte by byte: what follows the line is data for echo. */
static int read_line(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, buf + n, 1) == 1) {
		if (buf[n] == '\n') {
			buf[n] = '\0';
			return 0;
		}
		n++;
	}
	return -EPROTO;
}

static void serve(int fd, pid_t agent)
{
	char line[64], *arg;
	uint64_t n = 0;

	if (read_line(fd, line, sizeof(line)) < 0)
		return;
	arg = strchr(line, ' ');
	if (arg != NULL)
		*arg++ = '\0';
	if (arg != NULL && parse_u64(arg, &n) < 0)
		return;
	if (streq(line, "echo"))
		serve_echo(fd);
	else if (streq(line, "source"))
		serve_source(fd, n);
	else if (streq(line, "blocks"))
		serve_blocks(fd, n);
	else if (streq(line, "relay"))
		serve_relay(fd, n);
	else if (streq(line, "rss"))
		serve_rss(fd, agent);
	else if (n > 0 && n <= ROUNDS_MAX)
		serve_starts(fd, line, n);
}

static void server(pid_t agent)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_port = BENCH_PORT, .svm_cid = VMADDR_CID_ANY};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 16) < 0)
		_exit(1);
	for (;;) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0)
			continue;
		if (fork() == 0) {
			/* The starts are waited for one by one. */
			(void)signal(SIGCHLD, SIG_DFL);
			serve(conn, agent);
			_exit(0);
		}
		(void)close(conn);
	}
}

static noreturn void bare_init(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	(void)printf("floor: init %.3f ms\n", (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6);
	(void)fflush(stdout);
	(void)reboot(access("/sys/firmware", F_OK) < 0 ? RB_POWER_OFF : RB_AUTOBOOT);
	for (;;)
		(void)pause();
}

static int other_program(const char *name, const char *arg)
{
	uint64_t n;

	if (streq(name, "sleep")) {
		(void)pause();
		return 1;
	}
	if (streq(name, "source") && arg != NULL && parse_u64(arg, &n) == 0)
		serve_source(1, n);
	return 0;
}

int main(int argc, char **argv)
{
	const char *me = path_base(argv[0]);
	pid_t agent = getpid(), child;
	char name[] = "pith-agent";

	if (streq(me, "init"))
		bare_init();
	if (strncmp(me, "pith", 4) != 0)
		return other_program(me, argc > 1 ? argv[1] : NULL);
	child = fork();
	if (child == 0) {
		/* Twice, so that the server belongs to init and not to the agent. */
		if (fork() == 0) {
			(void)signal(SIGCHLD, SIG_IGN);
			server(agent);
		}
		_exit(0);
	}
	(void)waitpid(child, NULL, 0);
	argv[0] = name;
	(void)execv(AGENT_PATH, argv);
	return 127;
}
