/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the ttRPC tests: a server with a stub of a service on one end of a socket pair, and a peer that
 * writes and reads bytes as they are on the other, all on one loop in one thread.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/str.h"
#include "tests/test.h"
#include "ttrpc/conn.h"
#include "ttrpc/envelope.h"
#include "ttrpc/server.h"

#define PEER_DEADLINE_NS UINT64_C(20000000000)
#define PARKED_MAX       6000

struct peer_world {
	struct loop *loop;
	struct ttrpc_server *server;
	struct ttrpc_call **parked; /* calls to "Park", until answered or cancelled */
	size_t n_parked;
	unsigned n_cancelled, n_disconnected, n_run;
	unsigned n_delivered, n_undelivered;
	bool complete_in_hook;
};

static inline void peer_unpark(struct peer_world *w, const struct ttrpc_call *c)
{
	for (size_t i = 0; i < w->n_parked; i++) {
		if (w->parked[i] == c) {
			w->parked[i] = w->parked[--w->n_parked];
			return;
		}
	}
}

static inline void peer_on_cancel(struct ttrpc_call *c, enum ttrpc_cancel why, void *data)
{
	struct peer_world *w = data;

	w->n_cancelled++;
	w->n_disconnected += why == TTRPC_CANCEL_DISCONNECT;
	if (!w->complete_in_hook)
		return;
	peer_unpark(w, c);
	ttrpc_call_reply(c, "late", 4);
}

static inline void peer_on_delivered(void *data, bool delivered)
{
	struct peer_world *w = data;

	w->n_delivered += delivered;
	w->n_undelivered += !delivered;
}

/* Check answers SERVING, Echo its payload, Fill as many bytes as its decimal payload says, Park
 * nothing until told. */
static inline void peer_handler(void *data, struct ttrpc_call *c)
{
	struct slice method = ttrpc_call_method(c), payload = ttrpc_call_payload(c);
	struct peer_world *w = data;
	char text[300];

	w->n_run++;
	if (!slice_eq(ttrpc_call_service(c), "grpc.Health")) {
		ttrpc_call_error(c, TTRPC_INVALID_ARGUMENT, "service does not exist");
	} else if (slice_eq(method, "Check")) {
		ttrpc_call_reply(c, "\x08\x01", 2);
	} else if (slice_eq(method, "Empty")) {
		ttrpc_call_reply(c, NULL, 0);
	} else if (slice_eq(method, "Echo")) {
		ttrpc_call_reply(c, payload.p, payload.n);
	} else if (slice_eq(method, "Fill")) {
		size_t n = 0;
		void *p;

		for (size_t i = 0; i < payload.n; i++)
			n = n * 10 + (size_t)(payload.p[i] - '0');
		ttrpc_call_on_delivered(c, peer_on_delivered, w);
		p = ttrpc_call_reply_begin(c, n);
		if (p != NULL) {
			memset(p, 'x', n);
			ttrpc_call_reply_end(c);
		}
	} else if (slice_eq(method, "Park")) {
		assert_true(w->n_parked < PARKED_MAX);
		w->parked[w->n_parked++] = c;
		ttrpc_call_on_delivered(c, peer_on_delivered, w);
		ttrpc_call_on_cancel(c, peer_on_cancel, w);
	} else {
		(void)snprintf(text, sizeof(text), "%.*s method", (int)MIN(method.n, (size_t)200),
			       method.p);
		ttrpc_call_error(c, TTRPC_UNIMPLEMENTED, text);
	}
}

static inline void peer_world_init(struct peer_world *w)
{
	*w = (struct peer_world){.parked = calloc(PARKED_MAX, sizeof(struct ttrpc_call *))};
	assert_non_null(w->parked);
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(ttrpc_server_new(w->loop, peer_handler, w, &w->server), 0);
}

static inline void peer_answer_parked(struct peer_world *w)
{
	while (w->n_parked > 0)
		ttrpc_call_reply(w->parked[--w->n_parked], "done", 4);
}

static inline void peer_world_done(struct peer_world *w)
{
	ttrpc_server_free(w->server);
	peer_answer_parked(w);
	loop_free(w->loop);
	free(w->parked);
}

/* Return: the peer's end of a new connection, non-blocking. */
static inline int peer_connect(struct peer_world *w)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	assert_int_equal(ttrpc_server_add_conn_take(w->server, fds[1]), 0);
	return fds[0];
}

static inline void peer_run(struct peer_world *w, unsigned rounds)
{
	while (rounds-- > 0)
		assert_int_equal(loop_once(w->loop, 0), 0);
}

static inline void peer_write(struct peer_world *w, int fd, const void *p, size_t n)
{
	uint64_t deadline = loop_now_ns() + PEER_DEADLINE_NS;
	size_t done = 0;

	while (done < n) {
		ssize_t r = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);

		assert_true(r > 0 || errno == EAGAIN);
		done += r > 0 ? (size_t)r : 0;
		assert_int_equal(loop_once(w->loop, r > 0 ? 0 : 1), 0);
		assert_true(loop_now_ns() < deadline);
	}
}

/* Return: bytes read: @n, or fewer at end of file. */
static inline size_t peer_read(struct peer_world *w, int fd, void *p, size_t n)
{
	uint64_t deadline = loop_now_ns() + PEER_DEADLINE_NS;
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, (char *)p + done, n - done);

		if (r == 0 || (r < 0 && errno == ECONNRESET))
			break;
		assert_true(r > 0 || errno == EAGAIN);
		done += r > 0 ? (size_t)r : 0;
		if (r < 0)
			assert_int_equal(loop_once(w->loop, 1), 0);
		assert_true(loop_now_ns() < deadline);
	}
	return done;
}

static inline bool peer_is_silent(struct peer_world *w, int fd)
{
	char c;

	peer_run(w, 8);
	return recv(fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static inline bool peer_is_closed(struct peer_world *w, int fd)
{
	char c;

	return peer_read(w, fd, &c, 1) == 0;
}

/* "00 0a ff" to bytes. Return: how many. */
static inline size_t peer_hex(const char *hex, uint8_t *buf, size_t size)
{
	size_t n = 0;
	unsigned v;

	for (; *hex != '\0'; hex += hex[0] == ' ' ? 1 : 2) {
		if (hex[0] == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		assert_true(n < size);
		buf[n++] = (uint8_t)v;
	}
	return n;
}

static inline void peer_frame(struct peer_world *w, int fd, uint32_t stream, uint8_t type,
			      uint8_t flags, const void *payload, size_t n)
{
	const struct ttrpc_header h = {(uint32_t)n, stream, type, flags};
	uint8_t head[TTRPC_HEADER_SIZE];

	ttrpc_header_encode(&h, head);
	peer_write(w, fd, head, sizeof(head));
	peer_write(w, fd, payload, n);
}

static inline void peer_request(struct peer_world *w, int fd, uint32_t stream,
				const struct ttrpc_request *q)
{
	size_t n = ttrpc_request_size(q);
	uint8_t *p = malloc(n);

	assert_non_null(p);
	ttrpc_request_encode(q, p);
	peer_frame(w, fd, stream, TTRPC_REQUEST, 0, p, n);
	free(p);
}

static inline void peer_call(struct peer_world *w, int fd, uint32_t stream, const char *method,
			     struct slice payload, int64_t timeout_ns)
{
	const struct ttrpc_request q = {.service = slice_of("grpc.Health"),
					.method = slice_of(method),
					.payload = payload,
					.timeout_nano = timeout_ns};

	peer_request(w, fd, stream, &q);
}

struct peer_reply {
	struct ttrpc_header h;
	struct ttrpc_response r;
	uint8_t *body; /* r points into it */
};

static inline void peer_reply_done(struct peer_reply *r)
{
	free(r->body);
	r->body = NULL;
}
#define cleanup_reply __attribute__((cleanup(peer_reply_done)))

static inline struct peer_reply peer_get(struct peer_world *w, int fd)
{
	uint8_t head[TTRPC_HEADER_SIZE];
	struct peer_reply r = {0};
	struct err e = {0};
	struct slice in;

	assert_int_equal(peer_read(w, fd, head, sizeof(head)), sizeof(head));
	ttrpc_header_decode(head, &r.h);
	assert_int_equal(r.h.type, TTRPC_RESPONSE);
	assert_int_equal(r.h.flags, 0);
	assert_true(r.h.length <= TTRPC_PAYLOAD_MAX);
	r.body = malloc(r.h.length + 1);
	assert_non_null(r.body);
	assert_int_equal(peer_read(w, fd, r.body, r.h.length), r.h.length);
	in = (struct slice){(const char *)r.body, r.h.length};
	assert_int_equal(ttrpc_response_decode(in, &r.r, &e), 0);
	return r;
}

/* The next answer is for @stream, has @code and its text contains @part. */
static inline void peer_expect(struct peer_world *w, int fd, uint32_t stream, int code,
			       const char *part)
{
	cleanup_reply struct peer_reply r = peer_get(w, fd);

	assert_int_equal(r.h.stream, stream);
	assert_int_equal(r.r.code, code);
	if (part[0] != '\0')
		assert_non_null(memmem(r.r.message.p, r.r.message.n, part, strlen(part)));
	else
		assert_int_equal(r.r.message.n, 0);
	if (code != 0)
		assert_int_equal(r.r.payload.n, 0);
}
