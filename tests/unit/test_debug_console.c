/* SPDX-License-Identifier: Apache-2.0 */
/* The debug console: a shell for each connection, which ends with it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/debug_console.h"
#include "base/err.h"
#include "base/loop.h"
#include "tests/test.h"
#include "ttrpc/addr.h"

struct fixture {
	struct loop *loop;
	struct debug_console *console;
	char addr[64];
};

static void setup(struct fixture *f)
{
	struct err e = {0};

	CHECK(loop_new(&f->loop) == 0);
	(void)snprintf(f->addr, sizeof(f->addr), "unix://@pith-console-test-%d", (int)getpid());
	CHECK(debug_console_new(f->loop, f->addr, &f->console, &e) == 0);
}

static void teardown(struct fixture *f)
{
	debug_console_free(f->console);
	loop_free(f->loop);
}

static int dial(struct fixture *f)
{
	struct ttrpc_addr a;
	struct err e = {0};
	int fd = -1;

	CHECK(ttrpc_addr_parse(f->addr, &a, &e) == 0);
	CHECK(ttrpc_addr_connect(&a, UINT64_C(1000000000), &fd, &e) == 0);
	return fd;
}

static void type(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static char read_buf[16384];

static const char *read_until(struct fixture *f, int fd, const char *text)
{
	char *buf = read_buf;
	size_t n = 0;
	const char *hit = NULL;

	buf[0] = '\0';
	for (int i = 0; i < 2000 && hit == NULL; i++) {
		ssize_t r;

		CHECK(loop_once(f->loop, 10) == 0);
		r = recv(fd, buf + n, sizeof(read_buf) - 1 - n, MSG_DONTWAIT);
		if (r > 0)
			n += (size_t)r;
		buf[n] = '\0';
		hit = strstr(buf, text);
	}
	CHECK(hit != NULL);
	return hit;
}

TEST(two_sessions_have_a_terminal_and_a_shell_each)
{
	struct fixture f;
	int a, b;

	setup(&f);
	a = dial(&f);
	b = dial(&f);
	type(a, "test -t 0 && echo a-$((20+22))\n");
	type(b, "test -t 0 && echo b-$((20+22))\n");
	(void)read_until(&f, a, "a-42");
	(void)read_until(&f, b, "b-42");
	(void)close(a);
	(void)close(b);
	teardown(&f);
}

TEST(shell_that_exits_closes_its_connection)
{
	struct fixture f;
	char byte;
	int fd;

	setup(&f);
	fd = dial(&f);
	type(fd, "echo la-$((1+1)); exit\n");
	(void)read_until(&f, fd, "la-2");
	for (int i = 0; i < 1000; i++) {
		CHECK(loop_once(f.loop, 10) == 0);
		if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
			break;
		CHECK(i < 999);
	}
	(void)close(fd);
	teardown(&f);
}

TEST(closed_connection_kills_its_shell)
{
	struct fixture f;
	const char *text;
	pid_t pid;
	int fd;

	setup(&f);
	fd = dial(&f);
	type(fd, "echo pi''d=$$ en''d\n");
	(void)read_until(&f, fd, " end");
	text = strstr(read_buf, "pid=");
	CHECK(text != NULL);
	pid = (pid_t)strtol(text + 4, NULL, 10);
	CHECK(pid > 1 && kill(pid, 0) == 0);
	(void)close(fd);
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
		CHECK(loop_once(f.loop, 10) == 0);
	CHECK(kill(pid, 0) < 0);
	teardown(&f);
}
