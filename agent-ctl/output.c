/* SPDX-License-Identifier: Apache-2.0 */
/* Buffered output to a descriptor that may be a file, a pipe or a terminal. */
#include "agent-ctl/output.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

void actl_output_init(struct actl_output *o, struct loop *loop, int fd, actl_output_fn on_written)
{
	*o = (struct actl_output){
		.loop = loop, .fd = fd, .io = LOOP_IO_INIT, .on_written = on_written};
}

void actl_output_done(struct actl_output *o)
{
	loop_io_del(&o->io);
	free(o->buf);
	o->buf = NULL;
	o->start = o->end = o->cap = 0;
}

size_t actl_output_pending(const struct actl_output *o)
{
	return o->end - o->start;
}

static void drop_all(struct actl_output *o)
{
	loop_io_del(&o->io);
	o->start = o->end = 0;
}

static void write_part(struct actl_output *o, size_t max)
{
	ssize_t n = write(o->fd, o->buf + o->start, MIN(o->end - o->start, max));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		o->is_broken = true;
		drop_all(o);
	} else {
		o->start += (size_t)n;
		if (o->start == o->end)
			drop_all(o);
	}
}

static void on_io(struct loop_io *io, uint32_t events unused_arg)
{
	struct actl_output *o = container_of(io, struct actl_output, io);

	/* A pipe that polls writable takes PIPE_BUF bytes without blocking: pipe(7), poll(2). */
	write_part(o, PIPE_BUF);
	o->on_written(o);
}

static int make_room(struct actl_output *o, size_t n)
{
	size_t have = o->end - o->start;
	uint8_t *p;

	if (o->start > 0) {
		memmove(o->buf, o->buf + o->start, have);
		o->start = 0;
		o->end = have;
	}
	if (o->cap - have >= n)
		return 0;
	p = realloc(o->buf, have + n);
	if (p == NULL)
		return -ENOMEM;
	o->buf = p;
	o->cap = have + n;
	return 0;
}

int actl_output_add(struct actl_output *o, const void *p, size_t n)
{
	int r;

	if (o->is_broken || n == 0)
		return 0;
	r = make_room(o, n);
	if (r < 0)
		return r;
	memcpy(o->buf + o->end, p, n);
	o->end += n;
	if (o->io.loop != NULL)
		return 0;
	r = loop_io_add(o->loop, &o->io, o->fd, EPOLLOUT, on_io);
	if (r == -EPERM) { /* a regular file is always ready, and epoll does not take it */
		while (o->start < o->end)
			write_part(o, SIZE_MAX);
		return 0;
	}
	return r;
}
