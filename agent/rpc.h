/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the dispatcher and the RPC handlers. A handler checks, finds, does and
 * replies; it never waits. Strings and bytes of the request are borrowed until the call completes;
 * what is kept longer is copied.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct agent;
struct arena;
struct err;
struct rpc_call;

/* The handler keeps the call and completes it later, exactly once. */
#define RPC_LATER 1

/* When a method may be called. Kata lets nearly everything run before CreateSandbox. */
enum rpc_stage {
	RPC_ALWAYS,        /* also while shutting down */
	RPC_UNTIL_DESTROY, /* refused with UNAVAILABLE once DestroySandbox was accepted */
};

/**
 * rpc_handler_fn - one method
 * @in: the request, of the type that the service descriptor names; cast it
 * @e:  filled on failure
 *
 * Return: 0 after the call was completed (rpc_reply, rpc_reply_empty, rpc_fail), RPC_LATER when
 *         it will be, negative errno: the dispatcher completes the call from @e.
 */
typedef int (*rpc_handler_fn)(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			      struct err *e);

struct rpc_method {
	const char *name; /* as in the service descriptor; NULL ends a table */
	rpc_handler_fn fn;
	enum rpc_stage stage;
};

/* One table per file of handlers. */
extern const struct rpc_method rpc_health_methods[];
extern const struct rpc_method rpc_sandbox_methods[];
extern const struct rpc_method rpc_container_methods[];
extern const struct rpc_method rpc_process_methods[];
extern const struct rpc_method rpc_stdio_methods[];
extern const struct rpc_method rpc_events_methods[];
extern const struct rpc_method rpc_net_methods[];
extern const struct rpc_method rpc_storage_methods[];
extern const struct rpc_method rpc_guest_methods[];
extern const struct rpc_method rpc_copy_methods[];

/* ---- completing a call: exactly one of these; the call and its arena are gone afterwards ---- */

/* Packs @msg, which must be of the method's output type. Return: 0 always, so that a handler can
 * end with it. A reply over the frame limit becomes an error of its own. */
int rpc_reply(struct rpc_call *call, const ProtobufCMessage *msg);
int rpc_reply_empty(struct rpc_call *call);
/* A message whose one field is number 1, @n > 0 bytes at @p. They are not copied: they stay as they
 * are until rpc_on_delivered's function has run. */
int rpc_reply_bytes(struct rpc_call *call, const void *p, size_t n);
/* The status comes from e->kind; the text is err_text(). Logs it. Return: 0 always. */
int rpc_fail(struct rpc_call *call, const struct err *e);

/* ---- while the call is open ---- */
struct arena *rpc_arena(struct rpc_call *call); /* lives as long as the call */
const char *rpc_method_name(const struct rpc_call *call);
uint64_t rpc_deadline_ns(const struct rpc_call *call); /* CLOCK_MONOTONIC; 0: none */
/* The caller is gone or has had its timeout answer: the result will be discarded. */
bool rpc_is_cancelled(const struct rpc_call *call);

/**
 * rpc_on_cancel() - run @fn once when the deadline passes or the connection ends first
 *
 * A poll un-parks here and completes the call (the result is discarded); work that must reach a
 * consistent end only notes it, and completes the call when it gets there. NULL removes the hook.
 */
void rpc_on_cancel(struct rpc_call *call, void (*fn)(struct rpc_call *call, void *data),
		   void *data);

/* Runs once, after the completion: true when the reply has been written to the connection. */
void rpc_on_delivered(struct rpc_call *call, void (*fn)(void *data, bool delivered), void *data);
