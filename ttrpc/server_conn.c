/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames become calls and which get an answer of their own. Runs no method. */
#define LOG_MODULE "ttrpc"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "ttrpc/server_priv.h"

/* ---- errors ---- */

/* Cuts at TEXT_MAX without splitting a character: continuation bytes are 10xxxxxx. */
static struct slice clip(const char *text)
{
	size_t n = strnlen(text, TEXT_MAX + 1);

	if (n > TEXT_MAX) {
		n = TEXT_MAX;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	return (struct slice){.p = text, .n = n};
}

void server_conn_error(struct server_conn *sc, uint32_t stream, enum ttrpc_code code,
		       const char *text)
{
	struct ttrpc_header h = {.stream = stream, .type = TTRPC_RESPONSE};
	struct slice s = clip(text);
	struct ttrpc_out *o;

	/* Only 0..16 exist; Rust clients read any other number, and 0, as success. */
	if (code <= TTRPC_OK || code > TTRPC_UNAUTHENTICATED)
		code = TTRPC_INTERNAL;
	if (!str_is_utf8(s.p, s.n))
		s = slice_of("error text is not valid UTF-8");
	h.length = (uint32_t)ttrpc_response_error_size(code, s.n);
	o = ttrpc_out_new(&h);
	if (o == NULL) {
		log_error("no memory to answer a call, connection closed");
		ttrpc_conn_end(&sc->conn, -ENOMEM);
		return;
	}
	ttrpc_response_error_encode(ttrpc_out_payload(o), code, s);
	ttrpc_conn_send(&sc->conn, o);
}

/* ---- limits on what is held ---- */

static struct server_conn *of(struct ttrpc_conn *c)
{
	return container_of(c, struct server_conn, conn);
}

static bool charge(struct ttrpc_conn *c, size_t n)
{
	struct server_conn *sc = of(c);
	struct ttrpc_server *s = sc->server;

	if (sc->in_bytes + n > IN_MAX_CONN)
		return false;
	if (s->in_bytes + n > IN_MAX_SERVER && c->header.length > IN_SMALL)
		return false;
	sc->in_bytes += n;
	s->in_bytes += n;
	return true;
}

static void uncharge(struct ttrpc_conn *c, size_t n)
{
	struct server_conn *sc = of(c);

	sc->in_bytes -= n;
	sc->server->in_bytes -= n;
}

/* ---- frames ---- */

static bool want_body(struct ttrpc_conn *c unused_arg, const struct ttrpc_header *h)
{
	return h->type == TTRPC_REQUEST && (h->stream & 1) != 0;
}

/* Owns: takes @body when it returns 0; the call is then with its handler. */
static int start_call(struct server_conn *sc, const struct ttrpc_header *h, uint8_t *body,
		      struct err *e)
{
	struct slice in = {.p = (const char *)body, .n = h->length};
	struct ttrpc_request q;
	struct ttrpc_call *c;
	int r;

	if (server_call_find(sc, h->stream) != NULL)
		return err_refuse(e, ERR_INVALID, "StreamID cannot be re-used");
	if (sc->n_calls >= CALLS_MAX)
		return err_refuse(e, ERR_LIMIT,
				  "limit of %d calls in flight on a connection reached", CALLS_MAX);
	r = ttrpc_request_decode(in, &q, e);
	if (r < 0)
		return r;
	if (q.timeout_nano < 0)
		return err_refuse(e, ERR_TIMEOUT, "timeout");
	r = server_call_new(sc, h->stream, body, h->length, &q, &c);
	if (r < 0)
		return err_refuse(e, ERR_LIMIT, "out of memory for the call");
	server_call_arm(c);
	sc->server->fn(sc->server->data, c);
	return 0;
}

static void on_request(struct server_conn *sc, const struct ttrpc_header *h, uint8_t *body)
{
	enum ttrpc_code code = TTRPC_INVALID_ARGUMENT;
	struct err e = {0};

	if (start_call(sc, h, body, &e) == 0)
		return;
	uncharge(&sc->conn, h->length);
	free(body);
	if (e.kind == ERR_LIMIT)
		code = TTRPC_RESOURCE_EXHAUSTED;
	else if (e.kind == ERR_TIMEOUT)
		code = TTRPC_DEADLINE_EXCEEDED;
	server_conn_error(sc, h->stream, code, e.msg);
}

static void on_frame(struct ttrpc_conn *c, const struct ttrpc_header *h, uint8_t *body,
		     enum ttrpc_body how)
{
	struct server_conn *sc = of(c);
	char text[96];

	/* The order is what a peer can observe: size first, then the stream's number, then the type. */
	if (how == TTRPC_BODY_OVERSIZE) {
		(void)snprintf(text, sizeof(text),
			       "message length %u exceed maximum message size of %u", h->length,
			       TTRPC_PAYLOAD_MAX);
		server_conn_error(sc, h->stream, TTRPC_INVALID_ARGUMENT, text);
	} else if ((h->stream & 1) == 0) {
		server_conn_error(sc, h->stream, TTRPC_INVALID_ARGUMENT, "stream id must be odd");
	} else if (h->type == TTRPC_DATA && (h->flags & TTRPC_FLAG_REMOTE_CLOSED) &&
		   h->length > 0) {
		server_conn_error(sc, h->stream, TTRPC_INVALID_ARGUMENT,
				  "data close message cannot include data");
	} else if (h->type == TTRPC_DATA) {
		server_conn_error(sc, h->stream, TTRPC_INVALID_ARGUMENT,
				  "Stream is no longer active");
	} else if (h->type != TTRPC_REQUEST) {
		log_debug("frame of type %u ignored", h->type);
	} else if (how == TTRPC_BODY_LIMIT) {
		server_conn_error(sc, h->stream, TTRPC_RESOURCE_EXHAUSTED,
				  "limit of buffered request bytes reached");
	} else {
		on_request(sc, h, body);
	}
}

static void on_written(struct ttrpc_conn *c)
{
	server_check_flushed(of(c)->server);
}

static void on_end(struct ttrpc_conn *c, int error)
{
	struct server_conn *sc = of(c);
	struct ttrpc_server *s = sc->server;

	log_debug("connection ended (%d) with %zu calls in flight", error, sc->n_calls);
	server_conn_free(sc);
	server_check_flushed(s);
}

static const struct ttrpc_conn_ops ops = {
	.want_body = want_body,
	.charge = charge,
	.uncharge = uncharge,
	.on_frame = on_frame,
	.on_written = on_written,
	.on_end = on_end,
};

/* ---- life ---- */

int server_conn_new_take(struct ttrpc_server *s, int fd)
{
	struct server_conn *sc = calloc(1, sizeof(*sc));
	int r;

	if (sc == NULL)
		return -ENOMEM;
	r = ttrpc_conn_init_take(&sc->conn, s->loop, fd, &ops);
	if (r < 0) {
		free(sc);
		return r;
	}
	sc->conn.out_total = &s->out_bytes;
	sc->server = s;
	list_init(&sc->calls);
	list_init(&sc->link);
	list_add_tail(&s->conns, &sc->link);
	s->n_conns++;
	return 0;
}

void server_conn_free(struct server_conn *sc)
{
	/* Replies that were queued are lost: their owners hear it before the calls do. */
	ttrpc_conn_done(&sc->conn);
	while (!list_empty(&sc->calls))
		server_call_orphan(list_entry(sc->calls.next, struct ttrpc_call, link));
	list_del(&sc->link);
	sc->server->n_conns--;
	free(sc);
}
