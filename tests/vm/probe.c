/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm-probe: a user at a terminal, and a crowd of connections, for the tests of whole VMs.
 *   vm-probe pty ROWSxCOLS COMMAND...   script on standard input, see run_script()
 *   vm-probe hold hvsock://PATH[:PORT] N  opens N connections until standard input ends
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/pidref.h"
#include "base/str.h"
#include "ttrpc/addr.h"

#define WAIT_NS  (60 * UINT64_C(1000000000))
#define SEEN_MAX ((size_t)64 << 10)
#define LINE_MAX 1024
#define HELD_MAX 1000

struct terminal {
	int fd;
	pid_t child;
	char seen[SEEN_MAX + 1]; /* what came since the last match */
	size_t n;
};

static int complain(const struct terminal *t, const char *what, const char *line)
{
	(void)fprintf(stderr, "vm-probe: %s: %s\nseen since the last match:\n%.*s\n", what, line,
		      (int)t->n, t->seen);
	return 1;
}

/* Return: bytes added; 0 at the end of the terminal; -ETIMEDOUT. */
static ssize_t take(struct terminal *t, uint64_t deadline)
{
	uint64_t now = loop_now_ns();
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	ssize_t n;

	if (now >= deadline || poll(&p, 1, (int)((deadline - now) / 1000000) + 1) <= 0)
		return -ETIMEDOUT;
	if (t->n == SEEN_MAX) {
		memmove(t->seen, t->seen + SEEN_MAX / 2, SEEN_MAX / 2);
		t->n = SEEN_MAX / 2;
	}
	n = read(t->fd, t->seen + t->n, SEEN_MAX - t->n);
	if (n <= 0)
		return 0;
	t->n += (size_t)n;
	return n;
}

static int expect(struct terminal *t, const char *text)
{
	uint64_t deadline = loop_now_ns() + WAIT_NS;
	const char *at;
	size_t end;

	while ((at = memmem(t->seen, t->n, text, strlen(text))) == NULL) {
		ssize_t n = take(t, deadline);

		if (n <= 0)
			return complain(t, n == 0 ? "ended before" : "waited in vain for", text);
	}
	end = (size_t)(at - t->seen) + strlen(text);
	memmove(t->seen, t->seen + end, t->n - end);
	t->n -= end;
	return 0;
}

static int resize(struct terminal *t, const char *text)
{
	struct winsize w = {0};

	if (sscanf(text, "%hux%hu", &w.ws_row, &w.ws_col) != 2 || ioctl(t->fd, TIOCSWINSZ, &w) < 0)
		return complain(t, "resize", text);
	return 0;
}

static int type(struct terminal *t, const char *text, const char *end)
{
	if (fd_write_full(t->fd, text, strlen(text)) < 0 ||
	    fd_write_full(t->fd, end, strlen(end)) < 0)
		return complain(t, "cannot type", text);
	return 0;
}

/*
 * Lines of the script: "type TEXT" (and Return), "key LETTER" (with Control held), "expect TEXT",
 * "size ROWSxCOLS", "close" (the window goes away).
 */
static int run_script(struct terminal *t)
{
	char line[LINE_MAX], key[2] = "";
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (str_starts(line, "type ")) {
			r = type(t, line + 5, "\r");
		} else if (str_starts(line, "key ")) {
			key[0] = (char)(line[4] & 0x1f);
			r = type(t, key, "");
		} else if (str_starts(line, "expect ")) {
			r = expect(t, line + 7);
		} else if (streq(line, "close")) {
			t->fd = fd_close(t->fd);
		} else if (str_starts(line, "size ")) {
			r = resize(t, line + 5);
		} else {
			r = complain(t, "no such line", line);
		}
	}
	return r;
}

/* Output that nobody expects is taken meanwhile, or the command could not end. Return: its exit code. */
static int end(struct terminal *t, const char *name)
{
	uint64_t deadline = loop_now_ns() + WAIT_NS;
	struct pidref ref = PIDREF_INIT;
	struct pollfd p = {.events = POLLIN};
	ssize_t n = t->fd >= 0 ? 1 : 0;
	int r = pidref_open(t->child, &ref);

	if (r < 0)
		return complain(t, "no pidfd of", name);
	while (n > 0)
		n = take(t, deadline);
	p.fd = ref.pidfd;
	if (n < 0 || poll(&p, 1, (int)(WAIT_NS / 1000000)) != 1) {
		r = complain(t, "does not end", name);
		(void)!pidref_kill(&ref, SIGKILL);
		(void)!pidref_wait(&ref);
	} else {
		r = pidref_wait(&ref);
	}
	pidref_done(&ref);
	return r;
}

/* Return: the command's exit code, or 1 when the script failed. */
static int cmd_pty(char **argv)
{
	static struct terminal t;
	struct winsize w = {0};
	int r;

	if (sscanf(argv[0], "%hux%hu", &w.ws_row, &w.ws_col) != 2)
		return complain(&t, "not a size", argv[0]);
	t.child = forkpty(&t.fd, NULL, NULL, &w);
	if (t.child == 0) {
		(void)execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (t.child < 0)
		return complain(&t, "no terminal for", argv[1]);
	r = run_script(&t);
	if (r == 0)
		return end(&t, argv[1]);
	(void)kill(t.child, SIGKILL);
	(void)waitpid(t.child, NULL, 0);
	return r;
}

static int cmd_hold(char **argv)
{
	static int held[HELD_MAX];
	struct ttrpc_addr addr;
	struct err e = {0};
	uint32_t wanted, n = 0;
	int r = ttrpc_addr_parse(argv[0], &addr, &e);
	char end;

	if (r < 0 || parse_u32(argv[1], &wanted) < 0 || wanted > HELD_MAX)
		return 2;
	while (n < wanted && ttrpc_addr_connect(&addr, WAIT_NS, &held[n], &e) == 0)
		n++;
	(void)printf("held %u\n", n);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	for (uint32_t i = 0; i < n; i++)
		(void)fd_close(held[i]);
	return n == wanted ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && streq(argv[1], "pty"))
		return cmd_pty(argv + 2);
	if (argc == 4 && streq(argv[1], "hold"))
		return cmd_hold(argv + 2);
	(void)fputs("usage: vm-probe pty ROWSxCOLS COMMAND... | hold ADDRESS N\n", stderr);
	return 2;
}
