/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output: pipe → ring → reply. The pipe is read only while the ring has room, so a process blocks
 * rather than loses; bytes leave the ring only when the reply that carries them has been written.
 */
#define LOG_MODULE "stdio"

#include "agent/stream.h"

#include <sys/ioctl.h>

#include "agent/rpc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "proto/agent.pb-c.h"

/* Room at which a full ring is filled again: a process that is woken for less is woken too often. */
#define REFILL_ROOM  (64u << 10)
#define TRIM_WAIT_NS (250 * UINT64_C(1000000))

struct reader {
	struct list link;
	struct rpc_call *call;
	uint32_t len;
};

/* Lives until the server says what became of the reply; s is NULL when the stream went first and left
 * its ring here. */
struct out_reply {
	struct out_stream *s;
	struct ring ring;
	size_t n;
};

static void serve(struct out_stream *s);

void out_stream_init(struct out_stream *s, struct loop *loop)
{
	*s = (struct out_stream){.loop = loop, .io = LOOP_IO_INIT, .fd = -EBADF, .ring = RING_INIT};
	list_init(&s->readers);
}

static void close_source(struct out_stream *s)
{
	loop_io_del(&s->io);
	loop_timer_del(&s->timer);
	s->fd = fd_close(s->fd);
}

static void on_readable(struct loop_io *io, uint32_t events);

static void watch_input(struct out_stream *s)
{
	if (s->io.loop != NULL)
		return;
	if (loop_io_add(s->loop, &s->io, s->fd, EPOLLIN, on_readable) < 0) {
		log_error("watch output: out of resources, the stream ends here");
		close_source(s);
	}
}

/* One read of what there is. Afterwards the fd is watched unless the ring is full or it has ended. */
static void take_input(struct out_stream *s)
{
	bool had_ring = s->ring.fd >= 0;
	ssize_t n = ring_fill(&s->ring, s->fd, s->is_cut ? s->cut_left : SIZE_MAX);

	if (!had_ring && s->ring.fd >= 0 && s->on_ring != NULL)
		s->on_ring(s->ring_data);
	if (n == -EAGAIN) {
		watch_input(s);
		return;
	}
	if (n == -ENOBUFS) {
		loop_io_del(&s->io);
		return;
	}
	/* EIO is how a terminal says that the last of its users is gone. */
	if (n < 0 && n != -EIO)
		log_warn("read output: %s, taken as its end", strerrordesc_np((int)-n));
	if (n > 0 && s->is_cut)
		s->cut_left -= (size_t)n;
	if (n <= 0 || (s->is_cut && s->cut_left == 0))
		close_source(s);
	else if (ring_room(&s->ring) == 0)
		loop_io_del(&s->io); /* level-triggered: a closed pipe would wake us for ever */
}

static void on_readable(struct loop_io *io, unused_arg uint32_t events)
{
	struct out_stream *s = container_of(io, struct out_stream, io);

	take_input(s);
	serve(s);
}

/*
 * The ring was full. Its next piece is read as soon as there is room for a good one: the pipe has
 * most likely filled up meanwhile, and to watch it would cost more than to look.
 */
static void want_input(struct out_stream *s)
{
	if (s->fd >= 0 && s->io.loop == NULL && ring_room(&s->ring) >= REFILL_ROOM)
		take_input(s);
}

int out_stream_open_take(struct out_stream *s, int fd, struct err *e)
{
	int r = fd_set_nonblock(fd, true);

	if (r == 0)
		r = loop_io_add(s->loop, &s->io, fd, EPOLLIN, on_readable);
	if (r < 0)
		return err_set(e, r, "watch an output stream");
	s->fd = fd;
	return 0;
}

static void on_trim(struct loop_timer *t)
{
	ring_trim(&container_of(t, struct out_stream, trim)->ring);
}

/* Not at once: a stream that flows runs empty all the time, and new pages cost more than its bytes. */
static void trim_later(struct out_stream *s)
{
	if (s->trim.loop == NULL && ring_can_trim(&s->ring) &&
	    loop_timer_set(s->loop, &s->trim, loop_now_ns() + TRIM_WAIT_NS, on_trim) < 0)
		ring_trim(&s->ring);
}

static void on_delivered(void *data, bool delivered)
{
	struct out_reply *o = data;
	struct out_stream *s = o->s;

	if (s != NULL) {
		s->reply = NULL;
		if (delivered)
			ring_drop(&s->ring, o->n);
		trim_later(s);
		want_input(s);
		serve(s);
	} else {
		ring_done(&o->ring);
	}
	free(o);
}

static void send_chunk(struct out_stream *s, struct reader *r)
{
	struct out_reply *o = calloc(1, sizeof(*o));
	struct rpc_call *call = r->call;
	const void *p = NULL;
	struct err e = {0};

	rpc_on_cancel(call, NULL, NULL);
	if (o == NULL) {
		(void)!err_set(&e, -ENOMEM, "read output");
		(void)rpc_fail(call, &e);
		return;
	}
	o->s = s;
	o->ring = RING_INIT;
	o->n = MIN(ring_peek(&s->ring, &p), (size_t)r->len);
	s->reply = o;
	rpc_on_delivered(call, on_delivered, o);
	/* ReadStreamResponse is one field of bytes, straight out of the ring. */
	(void)rpc_reply_bytes(call, p, o->n); /* may have called on_delivered already */
}

static bool at_end(const struct out_stream *s)
{
	return s->fd < 0 && ring_used(&s->ring) == 0;
}

static void serve(struct out_stream *s)
{
	if (s->is_serving)
		return;
	s->is_serving = true;
	while (!list_empty(&s->readers) && s->reply == NULL) {
		struct reader *r = list_entry(s->readers.next, struct reader, link);

		if (ring_used(&s->ring) > 0) {
			list_del(&r->link);
			send_chunk(s, r);
		} else if (at_end(s)) {
			list_del(&r->link);
			rpc_on_cancel(r->call, NULL, NULL);
			(void)rpc_reply_empty(r->call);
		} else {
			break;
		}
	}
	s->is_serving = false;
}

static void reader_cancel(struct rpc_call *call, void *data)
{
	struct reader *r = data;
	struct err e = {0};

	list_del(&r->link);
	(void)!err_refuse(&e, ERR_TIMEOUT, "read cancelled");
	(void)rpc_fail(call, &e);
}

int out_stream_read(struct out_stream *s, struct rpc_call *call, uint32_t len, struct err *e)
{
	struct reader *r = arena_alloc(rpc_arena(call), sizeof(*r));

	if (r == NULL)
		return err_set(e, -ENOMEM, "read output");
	r->call = call;
	r->len = MIN(len, STREAM_READ_MAX);
	list_add_tail(&s->readers, &r->link);
	rpc_on_cancel(call, reader_cancel, r);
	serve(s);
	return RPC_LATER;
}

static void on_exit_wait(struct loop_timer *t)
{
	struct out_stream *s = container_of(t, struct out_stream, timer);
	int n = 0;

	if (s->fd < 0)
		return;
	/* A descendant holds the stream. What is in it by now is delivered, what comes is not. */
	s->is_cut = true;
	if (ioctl(s->fd, FIONREAD, &n) == 0 && n > 0)
		s->cut_left = (size_t)n;
	if (s->cut_left == 0)
		close_source(s);
	serve(s);
}

void out_stream_process_exited(struct out_stream *s)
{
	if (s->fd < 0)
		return;
	if (loop_timer_set(s->loop, &s->timer, loop_now_ns() + STREAM_EXIT_WAIT_NS, on_exit_wait) <
	    0)
		on_exit_wait(&s->timer);
}

void out_stream_done(struct out_stream *s)
{
	close_source(s);
	loop_timer_del(&s->trim);
	if (s->reply != NULL) {
		s->reply->s = NULL;
		s->reply->ring = s->ring; /* what is being written must stay in place */
		s->ring = RING_INIT;
	}
	s->reply = NULL;
	ring_done(&s->ring);
	serve(s);
}

/* ---- input ---- */

struct writer {
	struct list link;
	struct rpc_call *call;
	const char *data;
	size_t n, done;
};

static void reply_written(struct rpc_call *call, size_t n)
{
	Grpc__WriteStreamResponse msg = GRPC__WRITE_STREAM_RESPONSE__INIT;

	msg.len = (uint32_t)n;
	(void)rpc_reply(call, &msg.base);
}

void in_stream_init(struct in_stream *s, struct loop *loop)
{
	*s = (struct in_stream){.loop = loop, .io = LOOP_IO_INIT, .fd = -EBADF};
	list_init(&s->writers);
}

int in_stream_open_take(struct in_stream *s, int fd, struct err *e)
{
	int r = fd_set_nonblock(fd, true);

	if (r < 0)
		return err_set(e, r, "prepare an input stream");
	s->fd = fd;
	return 0;
}

/* Return: 1 when everything is written, 0 when the reader must make room first, -errno. */
static int write_some(const struct in_stream *s, struct writer *w)
{
	while (w->done < w->n) {
		ssize_t n = write(s->fd, w->data + w->done, w->n - w->done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		w->done += (size_t)n;
	}
	return 1;
}

static void fail_writer(struct writer *w, int code, const char *what)
{
	struct err e = {0};

	list_del(&w->link);
	rpc_on_cancel(w->call, NULL, NULL);
	if (code < 0)
		(void)!err_set(&e, code, "%s", what);
	else
		(void)!err_refuse(&e, ERR_INTERNAL, "%s", what);
	(void)rpc_fail(w->call, &e);
}

static void in_update(struct in_stream *s);

static void on_writable(struct loop_io *io, unused_arg uint32_t events)
{
	in_update(container_of(io, struct in_stream, io));
}

/* Writes what fits, completes what is done, and watches the fd exactly while something waits. */
static void in_update(struct in_stream *s)
{
	while (!list_empty(&s->writers)) {
		struct writer *w = list_entry(s->writers.next, struct writer, link);
		int r = write_some(s, w);

		if (r == 0)
			break;
		if (r < 0) {
			fail_writer(w, r, "write to standard input");
			continue;
		}
		list_del(&w->link);
		rpc_on_cancel(w->call, NULL, NULL);
		reply_written(w->call, w->n);
	}
	if (list_empty(&s->writers)) {
		loop_io_del(&s->io);
		if (s->is_closing)
			s->fd = fd_close(s->fd);
		return;
	}
	if (s->io.loop == NULL && loop_io_add(s->loop, &s->io, s->fd, EPOLLOUT, on_writable) < 0) {
		while (!list_empty(&s->writers))
			fail_writer(list_entry(s->writers.next, struct writer, link), -ENOMEM,
				    "wait for standard input");
	}
}

static void writer_cancel(struct rpc_call *call, void *data)
{
	struct writer *w = data;
	struct err e = {0};

	list_del(&w->link);
	(void)!err_refuse(&e, ERR_TIMEOUT, "write cancelled");
	(void)rpc_fail(call, &e);
}

int in_stream_write(struct in_stream *s, struct rpc_call *call, const void *data, size_t n,
		    struct err *e)
{
	struct writer *w;

	if (s->fd < 0 || s->is_closing)
		return err_refuse(e, ERR_INTERNAL, "Cannot get writer: standard input is closed");
	w = arena_alloc(rpc_arena(call), sizeof(*w));
	if (w == NULL)
		return err_set(e, -ENOMEM, "write to standard input");
	w->call = call;
	w->data = data;
	w->n = n;
	list_add_tail(&s->writers, &w->link);
	rpc_on_cancel(call, writer_cancel, w);
	if (s->writers.next == &w->link)
		in_update(s);
	return RPC_LATER;
}

void in_stream_close(struct in_stream *s)
{
	s->is_closing = true;
	if (list_empty(&s->writers))
		s->fd = fd_close(s->fd);
}

void in_stream_done(struct in_stream *s)
{
	loop_io_del(&s->io);
	s->fd = fd_close(s->fd);
	s->is_closing = true;
	while (!list_empty(&s->writers))
		fail_writer(list_entry(s->writers.next, struct writer, link), 0,
			    "Cannot get writer: the process is gone");
}
