/* SPDX-License-Identifier: Apache-2.0 */
/* The objects behind ttrpc/server.h, shared by its three sources. Nobody else includes this. */
#pragma once

#include "ttrpc/conn.h"
#include "ttrpc/envelope.h"
#include "ttrpc/server.h"

#define CALLS_MAX 4096 /* in flight on one connection */
/* Payload bytes held for unfinished calls and half-read frames. */
#define IN_MAX_CONN   ((size_t)16 << 20)
#define IN_MAX_SERVER ((size_t)64 << 20)
/* Requests up to this size pass the server's sum, so that a flood on one connection cannot keep
 * another's Health.Check out. */
#define IN_SMALL ((size_t)512)
/* Unwritten replies. Over it a reply is replaced by an error, over TTRPC_OUT_HIGH we stop reading. */
#define OUT_MAX_CONN   ((size_t)64 << 20)
#define OUT_MAX_SERVER ((size_t)128 << 20)
#define TEXT_MAX       ((size_t)4096)
#define LIVE_BUCKETS   64

struct ttrpc_server {
	struct loop *loop;
	ttrpc_request_fn fn;
	void *data;
	struct list conns, listeners;
	struct list orphans; /* calls that outlived their connection, still with a handler */
	size_t in_bytes, out_bytes;
	uint64_t n_conns, n_calls, n_calls_total;
	/* ttrpc_server_on_flushed */
	void (*flushed)(void *data);
	void *flushed_data;
	struct loop_timer flush_timer;
	struct loop_idle flush_idle;
};

struct server_conn {
	struct ttrpc_conn conn;
	struct ttrpc_server *server;
	struct list link;
	struct list calls; /* unfinished, cancelled ones included */
	size_t n_calls, in_bytes;
	struct ttrpc_call *live[LIVE_BUCKETS]; /* by stream: no answer queued yet */
};

struct ttrpc_call {
	struct list link;             /* server_conn.calls or ttrpc_server.orphans */
	struct ttrpc_server *server;  /* NULL once that is freed */
	struct server_conn *sc;       /* NULL once the connection is gone */
	struct ttrpc_call *live_next; /* chain of server_conn.live */
	uint32_t stream;
	bool is_live, is_cancelled;
	uint8_t *body;  /* owned; request points into it */
	size_t charged; /* bytes of body */
	struct ttrpc_request request;
	uint64_t received_ns, deadline_ns;
	struct loop_timer timer;
	void (*on_cancel)(struct ttrpc_call *c, enum ttrpc_cancel why, void *data);
	void *cancel_data;
	void (*on_delivered)(void *data, bool delivered);
	void *delivered_data;
	struct ttrpc_out *reply; /* between begin and end */
};

/* server_conn.c: one connection, and which frames become calls. Takes @fd on success only. */
int server_conn_new_take(struct ttrpc_server *s, int fd) must_check;
void server_conn_free(struct server_conn *sc);
void server_conn_error(struct server_conn *sc, uint32_t stream, enum ttrpc_code code,
		       const char *text);

/* server_call.c: one call. Takes @body when it returns 0. */
int server_call_new(struct server_conn *sc, uint32_t stream, uint8_t *body, size_t n,
		    const struct ttrpc_request *q, struct ttrpc_call **ret) must_check;
struct ttrpc_call *server_call_find(const struct server_conn *sc, uint32_t stream);
/* The connection is going: the call stays with its handler, which is told. */
void server_call_orphan(struct ttrpc_call *c);
void server_call_arm(struct ttrpc_call *c);

/* server.c */
void server_check_flushed(struct ttrpc_server *s);
