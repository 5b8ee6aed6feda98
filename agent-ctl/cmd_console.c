/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's other two ports: the debug console and the log stream. Bytes, no RPC. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "agent-ctl/output.h"
#include "agent-ctl/tty.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/parse.h"

#define CONNECT_NS   UINT64_C(5000000000)
#define LOG_PORT     1025
#define CONSOLE_PORT 1026
#define CHUNK        ((size_t)64 << 10)

struct pipe_end {
	int from;
	struct loop_io io;
	struct actl_output to;
	struct console *console;
	bool has_ended;
	bool is_input; /* standard input: its end does not end the console */
};

struct console {
	struct actl *a;
	struct pipe_end in, out;
	uint8_t *chunk;
	bool is_over;
};

static int open_port(struct actl *a, uint32_t port, int *ret_fd)
{
	struct ttrpc_addr addr = a->addr;
	struct err e = {0};

	if (!a->has_addr || addr.kind == TTRPC_ADDR_UNIX)
		return actl_say(ACTL_USAGE, "this needs an address with ports: vsock://, hvsock:// "
					    "or --vm");
	addr.port = port;
	if (ttrpc_addr_connect(&addr, CONNECT_NS, ret_fd, &e) < 0)
		return actl_say_err(ACTL_NO_CONNECTION, &e);
	return ACTL_OK;
}

static void read_more(struct pipe_end *p);

static void end_input(struct pipe_end *p)
{
	loop_io_del(&p->io);
	p->has_ended = true;
	p->console->is_over |= !p->is_input;
}

static void read_now(struct pipe_end *p)
{
	struct console *c = p->console;
	ssize_t n = read(p->from, c->chunk, CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || actl_output_add(&p->to, c->chunk, (size_t)n) < 0)
		end_input(p);
	/* What is not written yet holds back what is read next. */
	else if (actl_output_pending(&p->to) > CHUNK)
		loop_io_del(&p->io);
}

static void on_readable(struct loop_io *io, uint32_t events unused_arg)
{
	read_now(container_of(io, struct pipe_end, io));
}

static void on_written(struct actl_output *o)
{
	struct pipe_end *p = container_of(o, struct pipe_end, to);

	p->console->is_over |= o->is_broken;
	read_more(p);
}

static void read_more(struct pipe_end *p)
{
	int r;

	if (p->has_ended || p->console->is_over || p->io.loop != NULL ||
	    actl_output_pending(&p->to) > CHUNK)
		return;
	r = loop_io_add(p->console->a->loop, &p->io, p->from, EPOLLIN, on_readable);
	if (r == -EPERM) /* a regular file */
		read_now(p);
	else if (r < 0)
		end_input(p);
}

static void pipe_init(struct console *c, struct pipe_end *p, int from, int to)
{
	p->console = c;
	p->from = from;
	p->io = LOOP_IO_INIT;
	actl_output_init(&p->to, c->a->loop, to, on_written);
}

static int run_console(struct actl *a, int fd, bool has_input)
{
	cleanup_free uint8_t *chunk = malloc(CHUNK);
	struct console c = {.a = a, .chunk = chunk};
	int w = fd_dup_above(fd, 3); /* epoll takes an open file once, and we read and write it */
	int r = 0;

	if (chunk == NULL || w < 0)
		return actl_say(ACTL_FAILED, "console: no memory or descriptor");
	pipe_init(&c, &c.out, fd, STDOUT_FILENO);
	pipe_init(&c, &c.in, STDIN_FILENO, w);
	c.in.is_input = true;
	c.in.has_ended = !has_input;
	read_more(&c.out);
	read_more(&c.in);
	while (r == 0 && (!c.is_over || actl_output_pending(&c.out.to) > 0))
		r = loop_once(a->loop, -1);
	loop_io_del(&c.in.io);
	loop_io_del(&c.out.io);
	actl_output_done(&c.in.to);
	actl_output_done(&c.out.to);
	(void)fd_close(w);
	return r < 0 ? actl_say(ACTL_FAILED, "console: %s", strerrordesc_np(-r)) : ACTL_OK;
}

int cmd_shell(struct actl *a, int argc, char **argv)
{
	cleanup_close int fd = -EBADF;
	uint32_t port = CONSOLE_PORT;
	int c, code, r;

	while ((c = getopt(argc, argv, "+p:")) != -1) {
		if (c != 'p' || parse_u32(optarg, &port) < 0)
			return actl_usage("shell");
	}
	if (optind != argc)
		return actl_usage("shell");
	code = open_port(a, port, &fd);
	if (code != ACTL_OK)
		return code;
	r = actl_tty_raw();
	if (r < 0)
		return actl_say(ACTL_FAILED, "terminal: %s", strerrordesc_np(-r));
	code = run_console(a, fd, true);
	actl_tty_restore();
	return code;
}

/* logs [-f]: with -f until the stream ends or the user interrupts, else what is there already. */
int cmd_logs(struct actl *a, int argc, char **argv)
{
	cleanup_free char *chunk = malloc(CHUNK);
	cleanup_close int fd = -EBADF;
	uint32_t port = LOG_PORT;
	bool follow = false;
	int c, code;
	ssize_t n;

	while ((c = getopt(argc, argv, "+fp:")) != -1) {
		if (c == 'f')
			follow = true;
		else if (c != 'p' || parse_u32(optarg, &port) < 0)
			return actl_usage("logs");
	}
	if (optind != argc || chunk == NULL)
		return actl_usage("logs");
	code = open_port(a, port, &fd);
	if (code != ACTL_OK || follow)
		return code != ACTL_OK ? code : run_console(a, fd, false);
	if (fd_set_nonblock(fd, false) < 0)
		return actl_say(ACTL_FAILED, "log stream");
	/* Quiet for this long: the backlog is through. */
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 300) <= 0)
			return ACTL_OK;
		n = read(fd, chunk, CHUNK);
		if (n <= 0 || fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n)
			return ACTL_OK;
	}
}
