/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one call: deadline, cancel, and exactly one answer. */
#define LOG_MODULE "ttrpc"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "ttrpc/server_priv.h"

/* ---- live streams of a connection ---- */

static struct ttrpc_call **live_slot(struct server_conn *sc, uint32_t stream)
{
	return &sc->live[(stream >> 1) % LIVE_BUCKETS]; /* ids are odd */
}

struct ttrpc_call *server_call_find(const struct server_conn *sc, uint32_t stream)
{
	struct ttrpc_call *c = sc->live[(stream >> 1) % LIVE_BUCKETS];

	while (c != NULL && c->stream != stream)
		c = c->live_next;
	return c;
}

static void live_add(struct ttrpc_call *c)
{
	struct ttrpc_call **slot = live_slot(c->sc, c->stream);

	c->live_next = *slot;
	*slot = c;
	c->is_live = true;
}

static void live_del(struct ttrpc_call *c)
{
	struct ttrpc_call **p;

	if (!c->is_live)
		return;
	for (p = live_slot(c->sc, c->stream); *p != c; p = &(*p)->live_next)
		;
	*p = c->live_next;
	c->is_live = false;
}

/* ---- begin and end ---- */

int server_call_new(struct server_conn *sc, uint32_t stream, uint8_t *body, size_t n,
		    const struct ttrpc_request *q, struct ttrpc_call **ret)
{
	struct ttrpc_call *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->server = sc->server;
	c->sc = sc;
	c->stream = stream;
	c->body = body;
	c->charged = n;
	c->request = *q;
	c->received_ns = loop_now_ns();
	list_init(&c->link);
	list_add_tail(&sc->calls, &c->link);
	live_add(c);
	sc->n_calls++;
	sc->server->n_calls++;
	sc->server->n_calls_total++;
	*ret = c;
	return 0;
}

static void leave_conn(struct ttrpc_call *c)
{
	live_del(c);
	loop_timer_del(&c->timer);
	if (c->sc != NULL) {
		c->sc->n_calls--;
		c->sc->in_bytes -= c->charged;
	}
	c->sc = NULL;
}

/* Owns: takes the call. */
static void call_free(struct ttrpc_call *c)
{
	leave_conn(c);
	list_del(&c->link);
	if (c->server != NULL) {
		c->server->n_calls--;
		c->server->in_bytes -= c->charged;
	}
	free(c->body);
	free(c);
}

static void cancel(struct ttrpc_call *c, enum ttrpc_cancel why)
{
	if (c->is_cancelled)
		return;
	c->is_cancelled = true;
	if (c->on_cancel != NULL)
		c->on_cancel(c, why, c->cancel_data); /* may free the call */
}

void server_call_orphan(struct ttrpc_call *c)
{
	leave_conn(c);
	list_del(&c->link);
	list_add_tail(&c->server->orphans, &c->link);
	cancel(c, TTRPC_CANCEL_DISCONNECT);
}

static void on_deadline(struct loop_timer *t)
{
	struct ttrpc_call *c = container_of(t, struct ttrpc_call, timer);

	live_del(c);
	server_conn_error(c->sc, c->stream, TTRPC_DEADLINE_EXCEEDED, "timeout");
	cancel(c, TTRPC_CANCEL_DEADLINE);
}

void server_call_arm(struct ttrpc_call *c)
{
	uint64_t timeout = (uint64_t)c->request.timeout_nano;

	if (timeout == 0)
		return;
	if (__builtin_add_overflow(c->received_ns, timeout, &c->deadline_ns))
		c->deadline_ns = UINT64_MAX;
	if (loop_timer_set(c->server->loop, &c->timer, c->deadline_ns, on_deadline) < 0)
		log_warn("no timer for a call, its deadline is ignored");
}

/* ---- what a handler sees ---- */

struct slice ttrpc_call_service(const struct ttrpc_call *c)
{
	return c->request.service;
}

struct slice ttrpc_call_method(const struct ttrpc_call *c)
{
	return c->request.method;
}

struct slice ttrpc_call_payload(const struct ttrpc_call *c)
{
	return c->request.payload;
}

uint64_t ttrpc_call_deadline_ns(const struct ttrpc_call *c)
{
	return c->deadline_ns;
}

uint64_t ttrpc_call_received_ns(const struct ttrpc_call *c)
{
	return c->received_ns;
}

bool ttrpc_call_is_cancelled(const struct ttrpc_call *c)
{
	return c->is_cancelled;
}

void ttrpc_call_on_cancel(struct ttrpc_call *c,
			  void (*fn)(struct ttrpc_call *c, enum ttrpc_cancel why, void *data),
			  void *data)
{
	c->on_cancel = fn;
	c->cancel_data = data;
}

void ttrpc_call_on_delivered(struct ttrpc_call *c, void (*fn)(void *data, bool delivered),
			     void *data)
{
	c->on_delivered = fn;
	c->delivered_data = data;
}

/* ---- the answer ---- */

/* Frees the call without an answer and tells whoever waits for one to be delivered. */
static void discard(struct ttrpc_call *c)
{
	void (*fn)(void *, bool) = c->on_delivered;
	void *data = c->delivered_data;

	call_free(c);
	if (fn != NULL)
		fn(data, false);
}

static bool over_out_limit(const struct ttrpc_call *c, size_t n)
{
	size_t conn = c->sc->conn.out_bytes, all = c->server->out_bytes;

	/* Short answers always pass: they are bounded by the calls in flight. */
	return n > TEXT_MAX && (conn + n > OUT_MAX_CONN || all + n > OUT_MAX_SERVER);
}

void *ttrpc_call_reply_begin(struct ttrpc_call *c, size_t n)
{
	return ttrpc_call_reply_begin_tail(c, n, NULL, 0);
}

void *ttrpc_call_reply_begin_tail(struct ttrpc_call *c, size_t head_n, const void *tail,
				  size_t tail_n)
{
	size_t n = head_n + tail_n;
	struct ttrpc_header h = {.stream = c->stream, .type = TTRPC_RESPONSE};
	char text[96];

	if (c->is_cancelled) {
		discard(c);
		return NULL;
	}
	if (n > TTRPC_PAYLOAD_MAX || ttrpc_response_ok_size(n) > TTRPC_PAYLOAD_MAX) {
		(void)snprintf(text, sizeof(text),
			       "message length %zu exceed maximum message size of %u", n,
			       TTRPC_PAYLOAD_MAX);
		ttrpc_call_error(c, TTRPC_INVALID_ARGUMENT, text);
		return NULL;
	}
	h.length = (uint32_t)ttrpc_response_ok_size(n);
	if (over_out_limit(c, h.length)) {
		ttrpc_call_error(c, TTRPC_RESOURCE_EXHAUSTED,
				 "limit of queued reply bytes reached: replies are not being read");
		return NULL;
	}
	c->reply = ttrpc_out_new_tail(&h, tail, tail_n);
	if (c->reply == NULL) {
		ttrpc_call_error(c, TTRPC_RESOURCE_EXHAUSTED, "out of memory for the reply");
		return NULL;
	}
	return ttrpc_response_ok_head(ttrpc_out_payload(c->reply), n);
}

void ttrpc_call_reply_end(struct ttrpc_call *c)
{
	struct server_conn *sc = c->sc;
	struct ttrpc_out *o = TAKE_PTR(c->reply);

	o->delivered = c->on_delivered;
	o->data = c->delivered_data;
	call_free(c);
	ttrpc_conn_send(&sc->conn, o);
}

void ttrpc_call_reply(struct ttrpc_call *c, const void *payload, size_t n)
{
	void *p = ttrpc_call_reply_begin(c, n);

	if (p == NULL)
		return;
	if (n > 0)
		memcpy(p, payload, n);
	ttrpc_call_reply_end(c);
}

void ttrpc_call_error(struct ttrpc_call *c, enum ttrpc_code code, const char *text)
{
	struct server_conn *sc = c->sc;
	uint32_t stream = c->stream;
	bool answer = !c->is_cancelled;

	discard(c);
	if (answer)
		server_conn_error(sc, stream, code, text);
}
