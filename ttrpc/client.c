/* SPDX-License-Identifier: Apache-2.0 */
/* Requests out, replies matched to them by stream. Trusts the server no more than it trusts us. */
#define LOG_MODULE "ttrpc"

#include "ttrpc/client.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "ttrpc/conn.h"
#include "ttrpc/envelope.h"
#include "ttrpc/server.h"

struct ttrpc_client {
	struct ttrpc_conn conn;
	struct loop *loop;
	uint32_t next_stream;
	bool is_over;
	struct list pending;
	size_t n_pending;
};

struct pending {
	struct list link;
	struct ttrpc_client *client;
	uint32_t stream;
	struct loop_timer timer;
	ttrpc_reply_fn fn;
	void *data;
};

static struct pending *find(struct ttrpc_client *c, uint32_t stream)
{
	list_for_each(it, &c->pending) {
		struct pending *p = list_entry(it, struct pending, link);

		if (p->stream == stream)
			return p;
	}
	return NULL;
}

static void drop(struct pending *p)
{
	loop_timer_del(&p->timer);
	list_del(&p->link);
	p->client->n_pending--;
	free(p);
}

static void answer(struct pending *p, const struct ttrpc_reply *reply)
{
	ttrpc_reply_fn fn = p->fn;
	void *data = p->data;

	drop(p);
	fn(data, reply);
}

static void fail(struct pending *p, int error)
{
	answer(p, &(struct ttrpc_reply){.error = error, .message.p = "", .payload.p = ""});
}

static void fail_all(struct ttrpc_client *c, int error)
{
	while (!list_empty(&c->pending))
		fail(list_entry(c->pending.next, struct pending, link), error);
}

static void on_deadline(struct loop_timer *t)
{
	const struct ttrpc_reply late = {
		.code = TTRPC_DEADLINE_EXCEEDED, .message = slice_of("timeout"), .payload.p = ""};

	answer(container_of(t, struct pending, timer), &late);
}

/* ---- connection ---- */

static struct ttrpc_client *of(struct ttrpc_conn *conn)
{
	return container_of(conn, struct ttrpc_client, conn);
}

static bool want_body(struct ttrpc_conn *conn, const struct ttrpc_header *h)
{
	return h->type == TTRPC_RESPONSE && find(of(conn), h->stream) != NULL;
}

static void on_response(struct pending *p, const struct ttrpc_header *h, const uint8_t *body)
{
	struct slice in = {.p = (const char *)body, .n = h->length};
	struct ttrpc_response a;
	struct err e = {0};

	if (ttrpc_response_decode(in, &a, &e) < 0) {
		log_debug("response on stream %u: %s", h->stream, e.msg);
		fail(p, -EBADMSG);
		return;
	}
	answer(p,
	       &(struct ttrpc_reply){.code = a.code, .message = a.message, .payload = a.payload});
}

static void on_frame(struct ttrpc_conn *conn, const struct ttrpc_header *h, uint8_t *body,
		     enum ttrpc_body how)
{
	cleanup_free uint8_t *owned = body;
	struct pending *p = find(of(conn), h->stream);

	if (p == NULL || (h->type != TTRPC_RESPONSE && h->type != TTRPC_DATA))
		log_debug("frame of type %u on stream %u skipped", h->type, h->stream);
	else if (how == TTRPC_BODY_OVERSIZE)
		fail(p, -EMSGSIZE);
	else if (h->type == TTRPC_DATA)
		fail(p, -EPROTO);
	else if (how == TTRPC_BODY_LIMIT)
		fail(p, -ENOMEM);
	else if (how == TTRPC_BODY_WHOLE)
		on_response(p, h, owned);
}

static void on_end(struct ttrpc_conn *conn, int error)
{
	struct ttrpc_client *c = of(conn);

	c->is_over = true;
	fail_all(c, error != 0 ? error : -EPIPE);
}

static const struct ttrpc_conn_ops ops = {
	.want_body = want_body,
	.on_frame = on_frame,
	.on_end = on_end,
};

/* ---- life ---- */

int ttrpc_client_new_take(struct loop *loop, int fd, struct ttrpc_client **ret)
{
	struct ttrpc_client *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	r = ttrpc_conn_init_take(&c->conn, loop, fd, &ops);
	if (r < 0) {
		free(c);
		return r;
	}
	c->loop = loop;
	c->next_stream = 1;
	list_init(&c->pending);
	*ret = c;
	return 0;
}

void ttrpc_client_free(struct ttrpc_client *c)
{
	if (c == NULL)
		return;
	c->is_over = true;
	fail_all(c, -ECANCELED);
	ttrpc_conn_done(&c->conn);
	free(c);
}

bool ttrpc_client_is_open(const struct ttrpc_client *c)
{
	return !c->is_over && !c->conn.has_ended;
}

size_t ttrpc_client_in_flight(const struct ttrpc_client *c)
{
	return c->n_pending;
}

/* ---- calls ---- */

static struct pending *pending_new(struct ttrpc_client *c, uint64_t timeout_ns, ttrpc_reply_fn fn,
				   void *data)
{
	struct pending *p = calloc(1, sizeof(*p));
	uint64_t at;

	if (p == NULL)
		return NULL;
	p->client = c;
	p->fn = fn;
	p->data = data;
	list_init(&p->link);
	if (timeout_ns == 0)
		return p;
	if (__builtin_add_overflow(loop_now_ns(), timeout_ns, &at))
		at = UINT64_MAX;
	if (loop_timer_set(c->loop, &p->timer, at, on_deadline) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

static uint32_t take_stream(struct ttrpc_client *c)
{
	uint32_t stream;

	/* After two billion calls the numbers start again; one that still waits keeps its number. */
	do {
		stream = c->next_stream;
		c->next_stream += 2;
	} while (find(c, stream) != NULL);
	return stream;
}

int64_t ttrpc_client_start(struct ttrpc_client *c, const char *service, const char *method,
			   struct slice payload, uint64_t timeout_ns, ttrpc_reply_fn fn, void *data)
{
	struct ttrpc_request q = {
		.service = slice_of(service),
		.method = slice_of(method),
		.payload = payload,
		.timeout_nano = (int64_t)MIN(timeout_ns, (uint64_t)INT64_MAX),
	};
	struct ttrpc_header h = {.type = TTRPC_REQUEST};
	struct ttrpc_out *o;
	struct pending *p;

	if (!ttrpc_client_is_open(c))
		return -EPIPE;
	if (payload.n > TTRPC_PAYLOAD_MAX || ttrpc_request_size(&q) > TTRPC_PAYLOAD_MAX)
		return -EMSGSIZE;
	h.length = (uint32_t)ttrpc_request_size(&q);
	h.stream = take_stream(c);
	o = ttrpc_out_new(&h);
	if (o == NULL)
		return -ENOMEM;
	p = pending_new(c, timeout_ns, fn, data);
	if (p == NULL) {
		ttrpc_out_free(o);
		return -ENOMEM;
	}
	p->stream = h.stream;
	list_add_tail(&c->pending, &p->link);
	c->n_pending++;
	ttrpc_request_encode(&q, ttrpc_out_payload(o));
	ttrpc_conn_send(&c->conn, o);
	return h.stream;
}

void ttrpc_client_forget(struct ttrpc_client *c, uint32_t stream)
{
	struct pending *p = find(c, stream);

	if (p != NULL)
		drop(p);
}

/* ---- blocking ---- */

struct waiter {
	bool done;
	int error;
	struct ttrpc_answer *ret;
};

static void keep_answer(void *data, const struct ttrpc_reply *reply)
{
	struct waiter *w = data;

	w->done = true;
	w->error = reply->error;
	if (reply->error < 0)
		return;
	w->ret->code = reply->code;
	w->ret->message = strndup(reply->message.p, reply->message.n);
	w->ret->payload = malloc(reply->payload.n + 1);
	if (w->ret->message == NULL || w->ret->payload == NULL) {
		w->error = -ENOMEM;
		return;
	}
	memcpy(w->ret->payload, reply->payload.p, reply->payload.n);
	w->ret->n = reply->payload.n;
}

void ttrpc_answer_done(struct ttrpc_answer *a)
{
	free(a->message);
	free(a->payload);
	*a = (struct ttrpc_answer){0};
}

int ttrpc_client_call(struct ttrpc_client *c, const char *service, const char *method,
		      struct slice payload, uint64_t timeout_ns, struct ttrpc_answer *ret,
		      struct err *e)
{
	struct waiter w = {.ret = ret};
	int64_t stream;

	*ret = (struct ttrpc_answer){0};
	stream = ttrpc_client_start(c, service, method, payload, timeout_ns, keep_answer, &w);
	if (stream < 0)
		return err_set(e, (int)stream, "send %s", method);
	while (!w.done) {
		int r = loop_once(c->loop, -1);

		if (r < 0) {
			ttrpc_client_forget(c, (uint32_t)stream);
			return err_set(e, r, "wait for %s", method);
		}
	}
	if (w.error < 0) {
		ttrpc_answer_done(ret);
		return err_set(e, w.error, "no answer to %s", method);
	}
	return 0;
}
