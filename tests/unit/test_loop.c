/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "tests/test.h"

#define DEADLINE_MS 20000

static int order[16];
static size_t n_order;

static void note(int what)
{
	if (n_order < ARRAY_LEN(order))
		order[n_order++] = what;
}

struct ear {
	struct loop_io io;
	struct ear *victim;
	int pipe[2];
	unsigned calls;
};

static void ear_open(struct ear *e)
{
	*e = (struct ear){.io = LOOP_IO_INIT};
	CHECK(pipe2(e->pipe, O_CLOEXEC | O_NONBLOCK) == 0);
}

static void ear_close(struct ear *e)
{
	loop_io_del(&e->io);
	e->pipe[0] = fd_close(e->pipe[0]);
	e->pipe[1] = fd_close(e->pipe[1]);
}

static void heard(struct loop_io *io, unused_arg uint32_t events)
{
	struct ear *e = container_of(io, struct ear, io);

	e->calls++;
	note(1);
	if (e->victim != NULL)
		loop_io_del(&e->victim->io);
}

TEST(a_readable_pipe_calls_its_callback_with_the_event)
{
	struct loop *l;
	struct ear e;

	CHECK(loop_new(&l) == 0);
	ear_open(&e);
	CHECK(loop_io_add(l, &e.io, e.pipe[0], EPOLLIN, heard) == 0);
	CHECK(loop_once(l, 0) == 0 && e.calls == 0);
	CHECK(write(e.pipe[1], "x", 1) == 1);
	CHECK(loop_once(l, DEADLINE_MS) == 0 && e.calls == 1);
	ear_close(&e);
	loop_free(l);
}

TEST(a_source_removed_by_another_callback_of_the_round_is_not_called)
{
	struct loop *l;
	struct ear a, b;

	CHECK(loop_new(&l) == 0);
	ear_open(&a);
	ear_open(&b);
	a.victim = &b;
	b.victim = &a;
	CHECK(loop_io_add(l, &a.io, a.pipe[0], EPOLLIN, heard) == 0);
	CHECK(loop_io_add(l, &b.io, b.pipe[0], EPOLLIN, heard) == 0);
	CHECK(write(a.pipe[1], "x", 1) == 1);
	CHECK(write(b.pipe[1], "x", 1) == 1);
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	CHECK(a.calls + b.calls == 1);
	ear_close(&a);
	ear_close(&b);
	loop_free(l);
}
