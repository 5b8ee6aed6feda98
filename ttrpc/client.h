/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ttRPC client on the event loop: any number of calls in flight on one connection, each with its own
 * deadline, answered in any order. Knows envelopes, no message. A blocking call is a round of the
 * same loop, so whatever else hangs on the loop goes on meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;
struct loop;
struct ttrpc_client;

/* What became of a call. Slices are valid inside the callback only. */
struct ttrpc_reply {
	int error;            /* 0: the server answered; else negative errno and no answer */
	int32_t code;         /* 0: success. 4 also when the deadline passed on this side */
	struct slice message; /* of a failure */
	struct slice payload; /* of a success */
};

typedef void (*ttrpc_reply_fn)(void *data, const struct ttrpc_reply *reply);

/* Takes a connected stream socket. Owns: on success only. Return: 0 or -errno. */
int ttrpc_client_new_take(struct loop *loop, int fd, struct ttrpc_client **ret) must_check;
/* Calls still in flight are answered with -ECANCELED. Never from inside a reply callback. */
void ttrpc_client_free(struct ttrpc_client *c);
/* False once the connection is over; the calls that were in flight have been told. */
bool ttrpc_client_is_open(const struct ttrpc_client *c);
size_t ttrpc_client_in_flight(const struct ttrpc_client *c);

/**
 * ttrpc_client_start() - send a request, be called back once
 * @payload:    copied
 * @timeout_ns: sent along and kept on this side too; 0: none
 *
 * Return: the call's stream, for ttrpc_client_forget; or a negative errno and @fn never runs:
 *         -EMSGSIZE over the frame limit, -EPIPE the connection is over, -ENOMEM.
 */
int64_t ttrpc_client_start(struct ttrpc_client *c, const char *service, const char *method,
			   struct slice payload, uint64_t timeout_ns, ttrpc_reply_fn fn,
			   void *data) must_check;
/* Drops interest in a call: its callback does not run, a late answer is skipped. */
void ttrpc_client_forget(struct ttrpc_client *c, uint32_t stream);

/* The same reply in memory of its own. */
struct ttrpc_answer {
	int32_t code;
	char *message;
	uint8_t *payload;
	size_t n;
};
void ttrpc_answer_done(struct ttrpc_answer *a);
#define cleanup_answer __attribute__((cleanup(ttrpc_answer_done)))

/**
 * ttrpc_client_call() - send a request and run the loop until it is answered
 *
 * Owns:   the caller owns what is in *ret.
 * Return: 0 when there is an answer, a failure too (ret->code); negative errno with words when there
 *         is none.
 */
int ttrpc_client_call(struct ttrpc_client *c, const char *service, const char *method,
		      struct slice payload, uint64_t timeout_ns, struct ttrpc_answer *ret,
		      struct err *e) must_check;
