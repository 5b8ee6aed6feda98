/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ttRPC server on the event loop: listeners, connections, calls. It knows frames and envelopes, no
 * message and no method: every well-formed request is handed to one function, which completes the
 * call now or later, exactly once. Limits: frame 4 MiB, calls per connection, bytes queued out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;
struct loop;
struct ttrpc_server;
struct ttrpc_call;

/* Status codes of the wire (google.rpc.Code). */
enum ttrpc_code {
	TTRPC_OK = 0,
	TTRPC_CANCELLED = 1,
	TTRPC_UNKNOWN = 2,
	TTRPC_INVALID_ARGUMENT = 3,
	TTRPC_DEADLINE_EXCEEDED = 4,
	TTRPC_NOT_FOUND = 5,
	TTRPC_ALREADY_EXISTS = 6,
	TTRPC_PERMISSION_DENIED = 7,
	TTRPC_RESOURCE_EXHAUSTED = 8,
	TTRPC_FAILED_PRECONDITION = 9,
	TTRPC_ABORTED = 10,
	TTRPC_OUT_OF_RANGE = 11,
	TTRPC_UNIMPLEMENTED = 12,
	TTRPC_INTERNAL = 13,
	TTRPC_UNAVAILABLE = 14,
	TTRPC_DATA_LOSS = 15,
	TTRPC_UNAUTHENTICATED = 16,
};

enum ttrpc_cancel {
	TTRPC_CANCEL_DEADLINE,   /* the server has answered 4 "timeout" already */
	TTRPC_CANCEL_DISCONNECT, /* the connection is gone */
};

/* A complete request. The handler owns the call until it completes it with one of ttrpc_call_reply,
 * ttrpc_call_reply_end, ttrpc_call_error; also after a cancel (the result is then discarded). */
typedef void (*ttrpc_request_fn)(void *data, struct ttrpc_call *call);

int ttrpc_server_new(struct loop *loop, ttrpc_request_fn fn, void *data,
		     struct ttrpc_server **ret) must_check;
void ttrpc_server_free(
	struct ttrpc_server *s); /* cancels every call with DISCONNECT, closes everything */
/* Takes a listening, non-blocking, CLOEXEC stream socket. Owns: on success only. */
int ttrpc_server_add_listener_take(struct ttrpc_server *s, int fd) must_check;
/* Takes one connected socket (tests, socketpair). */
int ttrpc_server_add_conn_take(struct ttrpc_server *s, int fd) must_check;
void ttrpc_server_stop_accepting(struct ttrpc_server *s);
/* Calls @fn once no queued byte is left on any connection, or after @timeout_ns. */
int ttrpc_server_on_flushed(struct ttrpc_server *s, uint64_t timeout_ns, void (*fn)(void *data),
			    void *data) must_check;

struct ttrpc_server_stats {
	uint64_t connections, calls_in_flight, calls_total, bytes_queued;
};
void ttrpc_server_get_stats(const struct ttrpc_server *s, struct ttrpc_server_stats *ret);

/* Borrowed until the call is completed. service and method are valid UTF-8 without NUL. */
struct slice ttrpc_call_service(const struct ttrpc_call *c);
struct slice ttrpc_call_method(const struct ttrpc_call *c);
struct slice ttrpc_call_payload(const struct ttrpc_call *c);
uint64_t ttrpc_call_deadline_ns(const struct ttrpc_call *c); /* CLOCK_MONOTONIC; 0: none */
uint64_t ttrpc_call_received_ns(const struct ttrpc_call *c);
bool ttrpc_call_is_cancelled(const struct ttrpc_call *c);

/* Runs once, when the deadline passes or the connection ends before completion. The hook may complete
 * the call or leave that for later. NULL removes it. */
void ttrpc_call_on_cancel(struct ttrpc_call *c,
			  void (*fn)(struct ttrpc_call *c, enum ttrpc_cancel why, void *data),
			  void *data);
/* Set before completing: runs once with true when the last byte of a success has been written to the
 * socket, or with false when that can no longer happen (connection lost) or did not (cancelled, or
 * an error was answered in place of the reply). The call is freed by then. True never runs inside
 * the completing call; false may. */
void ttrpc_call_on_delivered(struct ttrpc_call *c, void (*fn)(void *data, bool delivered),
			     void *data);

/* Completing takes the call. A server must not be freed from inside a request, a hook or these. */

/* Success with this payload (copied). An empty payload is the Empty message. */
void ttrpc_call_reply(struct ttrpc_call *c, const void *payload, size_t n);
/* Success, packed by the caller straight into the output queue: room for exactly @n bytes, then _end.
 * Return: NULL when the call was cancelled, over a limit or out of memory; it has then been completed
 * (with an error, if anyone still listens) and is gone. Nothing else may run in between. */
void *ttrpc_call_reply_begin(struct ttrpc_call *c, size_t n);
void ttrpc_call_reply_end(struct ttrpc_call *c);
/* The same with room for @head_n bytes, which @tail follows on the wire. @tail is not copied: it must
 * stay as it is until on_delivered has run, whatever that says. */
void *ttrpc_call_reply_begin_tail(struct ttrpc_call *c, size_t head_n, const void *tail,
				  size_t tail_n);
/* Text is cut at 4 KiB on a UTF-8 boundary; a code outside 1..16 becomes 13. */
void ttrpc_call_error(struct ttrpc_call *c, enum ttrpc_code code, const char *text);
