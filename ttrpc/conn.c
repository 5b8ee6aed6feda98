/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to frames and frames to bytes over a non-blocking socket. Decides nothing about a frame. */
#define LOG_MODULE "ttrpc"

#include "ttrpc/conn.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/log.h"

/* A peer that sends without pause gives way to the others after this much. */
#define READ_BUDGET ((size_t)256 << 10)
/* First piece of memory for a payload; it doubles as bytes really arrive. */
#define BODY_FIRST ((size_t)64 << 10)
#define IOV_BATCH  32

static void drop_body(struct ttrpc_conn *c)
{
	if (c->body != NULL && c->ops->uncharge != NULL)
		c->ops->uncharge(c, c->body_cap);
	free(c->body);
	c->body = NULL;
	c->body_cap = 0;
}

/* ---- out ---- */

struct ttrpc_out *ttrpc_out_new_tail(const struct ttrpc_header *h, const void *tail, size_t tail_n)
{
	size_t n = TTRPC_HEADER_SIZE + (size_t)h->length;
	struct ttrpc_out *o = malloc(sizeof(*o) + n - tail_n);

	if (o == NULL)
		return NULL;
	*o = (struct ttrpc_out){.n = n, .tail = tail, .tail_n = tail_n};
	list_init(&o->link);
	ttrpc_header_encode(h, o->bytes);
	return o;
}

struct ttrpc_out *ttrpc_out_new(const struct ttrpc_header *h)
{
	return ttrpc_out_new_tail(h, NULL, 0);
}

uint8_t *ttrpc_out_payload(struct ttrpc_out *o)
{
	return o->bytes + TTRPC_HEADER_SIZE;
}

static void out_finish(struct ttrpc_out *o, bool delivered)
{
	void (*fn)(void *, bool) = o->delivered;
	void *data = o->data;

	free(o);
	if (fn != NULL)
		fn(data, delivered);
}

void ttrpc_out_free(struct ttrpc_out *o)
{
	if (o != NULL)
		out_finish(o, false);
}

static void count_out(struct ttrpc_conn *c, size_t add, size_t sub)
{
	c->out_bytes += add;
	c->out_bytes -= sub;
	if (c->out_total != NULL) {
		*c->out_total += add;
		*c->out_total -= sub;
	}
}

static bool wants_read(const struct ttrpc_conn *c)
{
	return c->out_bytes < TTRPC_OUT_HIGH;
}

static void want_events(struct ttrpc_conn *c, bool blocked)
{
	uint32_t events = (wants_read(c) ? EPOLLIN : 0) | (blocked ? EPOLLOUT : 0);
	int r = loop_io_set(&c->io, events);

	if (r < 0)
		ttrpc_conn_end(c, r);
}

static void drop_written(struct ttrpc_conn *c, size_t n)
{
	count_out(c, 0, n);
	while (n > 0) {
		struct ttrpc_out *o = list_entry(c->out.next, struct ttrpc_out, link);
		size_t part = MIN(n, o->n - o->done);

		o->done += part;
		n -= part;
		if (o->done < o->n)
			return;
		list_del(&o->link);
		out_finish(o, true);
	}
}

/* What is left of @o. Return: how many of the two pieces. */
static unsigned out_pieces(struct ttrpc_out *o, struct iovec iov[static 2])
{
	size_t own = o->n - o->tail_n, past = o->done > own ? o->done - own : 0;
	/* sendmsg only reads; struct iovec has no const. */
	uint8_t *tail = (uint8_t *)(uintptr_t)o->tail;
	unsigned k = 0;

	if (o->done < own)
		iov[k++] = (struct iovec){o->bytes + o->done, own - o->done};
	if (past < o->tail_n)
		iov[k++] = (struct iovec){tail + past, o->tail_n - past};
	return k;
}

static ssize_t write_some(struct ttrpc_conn *c)
{
	struct iovec iov[IOV_BATCH];
	struct msghdr msg = {.msg_iov = iov};
	ssize_t n;

	list_for_each(it, &c->out) {
		if (msg.msg_iovlen + 2 > IOV_BATCH)
			break;
		msg.msg_iovlen +=
			out_pieces(list_entry(it, struct ttrpc_out, link), iov + msg.msg_iovlen);
	}
	do {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void parse(struct ttrpc_conn *c);

static void flush(struct ttrpc_conn *c)
{
	bool blocked = false;

	while (!c->has_ended && !blocked && !list_empty(&c->out)) {
		ssize_t n = write_some(c);

		if (n == -EAGAIN)
			blocked = true;
		else if (n < 0)
			ttrpc_conn_end(c, (int)n);
		else
			drop_written(c, (size_t)n);
	}
	if (c->has_ended)
		return;
	want_events(c, blocked);
	if (c->ops->on_written != NULL)
		c->ops->on_written(c);
	/* Requests that had come when reading stopped. */
	if (!c->has_ended && c->buf_end > c->buf_start)
		parse(c);
}

static void flush_idle(struct loop_idle *i)
{
	flush(container_of(i, struct ttrpc_conn, flush));
}

void ttrpc_conn_send(struct ttrpc_conn *c, struct ttrpc_out *o)
{
	if (c->has_ended) {
		ttrpc_out_free(o);
		return;
	}
	list_add_tail(&c->out, &o->link);
	count_out(c, o->n, 0);
	/* One write for all the answers of a round, and none from inside a handler. */
	if ((c->io.events & EPOLLOUT) == 0)
		loop_idle_add(c->loop, &c->flush, flush_idle);
}

/* ---- in ---- */

static void refuse_body(struct ttrpc_conn *c)
{
	drop_body(c);
	c->how = TTRPC_BODY_LIMIT;
}

static void grow_body(struct ttrpc_conn *c)
{
	size_t cap = c->body_cap == 0 ? BODY_FIRST : c->body_cap * 2;
	uint8_t *p;

	cap = MIN(cap, (size_t)c->header.length);
	assert(cap > c->body_cap);
	if (c->ops->charge != NULL && !c->ops->charge(c, cap - c->body_cap)) {
		refuse_body(c);
		return;
	}
	p = realloc(c->body, cap);
	if (p == NULL) {
		if (c->ops->uncharge != NULL)
			c->ops->uncharge(c, cap - c->body_cap);
		refuse_body(c);
		return;
	}
	c->body = p;
	c->body_cap = cap;
}

static void finish_frame(struct ttrpc_conn *c)
{
	uint8_t *body = TAKE_PTR(c->body);
	struct ttrpc_header h = c->header;

	c->in_body = false;
	c->body_cap = 0;
	c->ops->on_frame(c, &h, body, c->how);
}

static void begin_frame(struct ttrpc_conn *c)
{
	ttrpc_header_decode(c->buf + c->buf_start, &c->header);
	c->buf_start += TTRPC_HEADER_SIZE;
	c->body_n = 0;
	c->how = TTRPC_BODY_WHOLE;
	if (c->header.length >= TTRPC_LENGTH_ABSURD) {
		log_warn("frame of %u bytes announced, connection closed", c->header.length);
		ttrpc_conn_end(c, -EPROTO);
		return;
	}
	c->in_body = true;
	if (c->header.length > TTRPC_PAYLOAD_MAX)
		c->how = TTRPC_BODY_OVERSIZE;
	else if (!c->ops->want_body(c, &c->header))
		c->how = TTRPC_BODY_SKIPPED;
	else if (c->header.length > 0)
		grow_body(c);
}

/* Moves @n bytes that arrived into the payload, or past it. */
static void take_body(struct ttrpc_conn *c, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t part = n;

		if (c->how == TTRPC_BODY_WHOLE) {
			if (c->body_n == c->body_cap) {
				grow_body(c);
				continue;
			}
			part = MIN(n, c->body_cap - c->body_n);
			memcpy(c->body + c->body_n, p, part);
		}
		c->body_n += part;
		p += part;
		n -= part;
	}
}

/* Works through the buffer as long as the answers find room. All state is in @c before each callback, so a callback may read on. */
static void parse(struct ttrpc_conn *c)
{
	while (!c->has_ended && wants_read(c)) {
		size_t have = c->buf_end - c->buf_start;

		if (c->in_body) {
			size_t part = MIN(have, c->header.length - c->body_n);

			take_body(c, c->buf + c->buf_start, part);
			c->buf_start += part;
			if (c->body_n < c->header.length)
				break;
			finish_frame(c);
		} else if (have >= TTRPC_HEADER_SIZE) {
			begin_frame(c);
		} else {
			break;
		}
	}
}

/* Large payloads go where they belong; what follows them, and all that is small, into the buffer. */
static ssize_t read_some(struct ttrpc_conn *c, bool *ret_more)
{
	struct iovec iov[2];
	size_t direct = 0;
	ssize_t n;

	memmove(c->buf, c->buf + c->buf_start, c->buf_end - c->buf_start);
	c->buf_end -= c->buf_start;
	c->buf_start = 0;
	/* A payload is being collected only while the buffer is empty. */
	if (c->in_body && c->how == TTRPC_BODY_WHOLE) {
		if (c->body_n == c->body_cap)
			grow_body(c);
		direct = c->body_cap - (c->body != NULL ? c->body_n : 0);
	}
	iov[0] = (struct iovec){c->body != NULL ? c->body + c->body_n : c->buf, direct};
	iov[1] = (struct iovec){c->buf + c->buf_end, sizeof(c->buf) - c->buf_end};
	do {
		n = readv(c->fd, iov, 2);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	*ret_more = (size_t)n == iov[0].iov_len + iov[1].iov_len;
	direct = MIN((size_t)n, direct);
	c->body_n += direct;
	c->buf_end += (size_t)n - direct;
	return n;
}

static void read_frames(struct ttrpc_conn *c)
{
	size_t total = 0;
	bool more = true;

	/* A read that came back short has emptied the socket: no need to be told so by one more. */
	while (more && !c->has_ended && wants_read(c) && total < READ_BUDGET) {
		ssize_t n = read_some(c, &more);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			ttrpc_conn_end(c, (int)n);
			return;
		}
		total += (size_t)n;
		parse(c);
	}
	if (!c->has_ended && !wants_read(c))
		want_events(c, (c->io.events & EPOLLOUT) != 0);
}

static void on_io(struct loop_io *io, uint32_t events)
{
	struct ttrpc_conn *c = container_of(io, struct ttrpc_conn, io);

	if (events & EPOLLOUT)
		flush(c);
	if (!c->has_ended && (events & EPOLLIN))
		read_frames(c);
	/* Nothing is left to read, or nobody is left to read our answers. */
	if (!c->has_ended && (events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN))
		ttrpc_conn_end(c, -ECONNRESET);
}

/* ---- life ---- */

static void end_idle(struct loop_idle *i)
{
	struct ttrpc_conn *c = container_of(i, struct ttrpc_conn, ending);

	c->ops->on_end(c, c->error);
}

void ttrpc_conn_end(struct ttrpc_conn *c, int error)
{
	if (c->has_ended)
		return;
	c->has_ended = true;
	c->error = error;
	loop_io_del(&c->io);
	loop_idle_del(&c->flush);
	loop_idle_add(c->loop, &c->ending, end_idle);
}

int ttrpc_conn_init_take(struct ttrpc_conn *c, struct loop *loop, int fd,
			 const struct ttrpc_conn_ops *ops)
{
	int r = fd_set_nonblock(fd, true);

	if (r < 0)
		return r;
	*c = (struct ttrpc_conn){.loop = loop, .ops = ops, .fd = fd, .io = LOOP_IO_INIT};
	list_init(&c->out);
	r = loop_io_add(loop, &c->io, fd, EPOLLIN, on_io);
	if (r < 0)
		c->fd = -EBADF;
	return r;
}

void ttrpc_conn_done(struct ttrpc_conn *c)
{
	c->has_ended = true;
	loop_io_del(&c->io);
	loop_idle_del(&c->flush);
	loop_idle_del(&c->ending);
	drop_body(c);
	c->in_body = false;
	count_out(c, 0, c->out_bytes);
	while (!list_empty(&c->out)) {
		struct ttrpc_out *o = list_entry(c->out.next, struct ttrpc_out, link);

		list_del(&o->link);
		ttrpc_out_free(o);
	}
	c->fd = fd_close(c->fd);
}
