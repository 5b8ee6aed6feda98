/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The method tables, the life of a struct rpc_call, and the one table of status numbers. A call
 * belongs to its handler from the moment that is entered until the call is completed.
 */
#define LOG_MODULE "rpc"

#include "agent/dispatch.h"

#include "agent/agent.h"
#include "agent/rpc.h"
#include "agent/unpack.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/loop.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"
#include "ttrpc/wire.h"

struct rpc_call {
	struct agent *agent;
	struct ttrpc_call *wire;
	const ProtobufCMethodDescriptor *desc;
	struct arena arena;
	void (*on_cancel)(struct rpc_call *call, void *data);
	void *cancel_data;
};

struct service {
	const ProtobufCServiceDescriptor *desc;
	const struct rpc_method *const *tables;
};

static const struct rpc_method *const health_tables[] = {rpc_health_methods, NULL};

static const struct rpc_method *const agent_tables[] = {
	rpc_sandbox_methods, rpc_container_methods,
	rpc_process_methods, rpc_stdio_methods,
	rpc_events_methods,  rpc_net_methods,
	rpc_storage_methods, rpc_guest_methods,
	rpc_copy_methods,    NULL,
};

static const struct service services[] = {
	{&grpc__agent_service__descriptor, agent_tables},
	{&grpc__health__descriptor, health_tables},
};

enum ttrpc_code dispatch_code(enum err_kind kind)
{
	switch (kind) {
	case ERR_INTERNAL:
		return TTRPC_INTERNAL;
	case ERR_INVALID:
		return TTRPC_INVALID_ARGUMENT;
	case ERR_NOT_FOUND:
		return TTRPC_NOT_FOUND;
	case ERR_EXISTS:
		return TTRPC_ALREADY_EXISTS;
	case ERR_PRECONDITION:
		return TTRPC_FAILED_PRECONDITION;
	case ERR_LIMIT:
		return TTRPC_RESOURCE_EXHAUSTED;
	case ERR_TIMEOUT:
		return TTRPC_DEADLINE_EXCEEDED;
	case ERR_UNIMPLEMENTED:
		return TTRPC_UNIMPLEMENTED;
	case ERR_PERMISSION:
		return TTRPC_PERMISSION_DENIED;
	case ERR_UNAVAILABLE:
		return TTRPC_UNAVAILABLE;
	}
	return TTRPC_INTERNAL;
}

static const struct rpc_method *find_handler(const struct service *s, struct slice method)
{
	for (size_t t = 0; s->tables[t] != NULL; t++) {
		for (const struct rpc_method *m = s->tables[t]; m->name != NULL; m++) {
			if (slice_eq(method, m->name))
				return m;
		}
	}
	return NULL;
}

int dispatch_find(struct slice service, struct slice method,
		  const ProtobufCMethodDescriptor **ret_desc, const struct rpc_method **ret_method)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		const ProtobufCServiceDescriptor *d = services[i].desc;

		if (!slice_eq(service, d->name))
			continue;
		for (unsigned k = 0; k < d->n_methods; k++) {
			if (!slice_eq(method, d->methods[k].name))
				continue;
			*ret_desc = &d->methods[k];
			*ret_method = find_handler(&services[i], method);
			return 0;
		}
		return -ENOSYS;
	}
	return -ENOENT;
}

/* ---- completion ---- */

static struct ttrpc_call *call_end(struct rpc_call *call)
{
	struct ttrpc_call *wire = call->wire;

	ttrpc_call_on_cancel(wire, NULL, NULL);
	call->agent->n_calls--;
	arena_done(&call->arena);
	free(call);
	return wire;
}

/* The server has answered with an error; only our half is left. */
static int refused(struct rpc_call *call)
{
	call->agent->n_calls--;
	arena_done(&call->arena);
	free(call);
	return 0;
}

int rpc_reply(struct rpc_call *call, const ProtobufCMessage *msg)
{
	size_t n = protobuf_c_message_get_packed_size(msg);
	void *room;

	if (n == 0)
		return rpc_reply_empty(call);
	room = ttrpc_call_reply_begin(call->wire, n);
	if (room == NULL)
		return refused(call);
	(void)protobuf_c_message_pack(msg, room);
	ttrpc_call_reply_end(call_end(call));
	return 0;
}

int rpc_reply_bytes(struct rpc_call *call, const void *p, size_t n)
{
	size_t head_n = ttrpc_wire_bytes_size(n) - n;
	void *room = ttrpc_call_reply_begin_tail(call->wire, head_n, p, n);

	if (room == NULL)
		return refused(call);
	(void)ttrpc_wire_put_bytes_head(room, 1, n);
	ttrpc_call_reply_end(call_end(call));
	return 0;
}

int rpc_reply_empty(struct rpc_call *call)
{
	ttrpc_call_reply(call_end(call), NULL, 0);
	return 0;
}

int rpc_fail(struct rpc_call *call, const struct err *e)
{
	char text[ERR_TEXT_MAX];
	const char *name = call->desc->name;

	(void)err_text(e, text, sizeof(text));
	if (ttrpc_call_is_cancelled(call->wire))
		log_debug("%s: after its end: %s", name, text);
	else
		log_warn("%s: %s", name, text);
	ttrpc_call_error(call_end(call), dispatch_code(e->kind), text);
	return 0;
}

/* ---- the open call ---- */

struct arena *rpc_arena(struct rpc_call *call)
{
	return &call->arena;
}

const char *rpc_method_name(const struct rpc_call *call)
{
	return call->desc->name;
}

uint64_t rpc_deadline_ns(const struct rpc_call *call)
{
	return ttrpc_call_deadline_ns(call->wire);
}

bool rpc_is_cancelled(const struct rpc_call *call)
{
	return ttrpc_call_is_cancelled(call->wire);
}

static void on_wire_cancel(unused_arg struct ttrpc_call *wire, unused_arg enum ttrpc_cancel why,
			   void *data)
{
	struct rpc_call *call = data;

	if (call->on_cancel != NULL)
		call->on_cancel(call, call->cancel_data);
}

void rpc_on_cancel(struct rpc_call *call, void (*fn)(struct rpc_call *call, void *data), void *data)
{
	call->on_cancel = fn;
	call->cancel_data = data;
	ttrpc_call_on_cancel(call->wire, fn != NULL ? on_wire_cancel : NULL, call);
}

void rpc_on_delivered(struct rpc_call *call, void (*fn)(void *data, bool delivered), void *data)
{
	ttrpc_call_on_delivered(call->wire, fn, data);
}

/* ---- requests ---- */

/* Kata's samples list request messages by name; without the table everything is allowed, and Health
 * always is. */
static bool is_allowed(const struct agent *a, const ProtobufCMethodDescriptor *d)
{
	if (!a->config.has_allowed || d->input == &grpc__check_request__descriptor)
		return true;
	for (size_t i = 0; i < a->config.n_allowed; i++) {
		if (streq(a->config.allowed[i], d->input->short_name))
			return true;
	}
	return false;
}

static int check_method(const struct agent *a, const ProtobufCMethodDescriptor *d,
			const struct rpc_method *m, struct err *e)
{
	if (!is_allowed(a, d))
		return err_refuse(e, ERR_PERMISSION, "%s is blocked by policy",
				  d->input->short_name);
	if (m == NULL)
		return err_refuse(e, ERR_UNIMPLEMENTED, "%s is not implemented", d->name);
	if (a->is_shutting_down && m->stage != RPC_ALWAYS)
		return err_refuse(e, ERR_UNAVAILABLE, "the sandbox is shutting down");
	return 0;
}

static int handle(struct agent *a, struct rpc_call *call, const struct rpc_method *m, struct err *e)
{
	const ProtobufCMessage *in;
	int r = check_method(a, call->desc, m, e);

	if (r < 0)
		return r;
	in = unpack_message(call->desc->input, ttrpc_call_payload(call->wire), &call->arena, e);
	if (in == NULL)
		return -EINVAL;
	return m->fn(a, call, in, e);
}

void dispatch_request(void *data, struct ttrpc_call *wire)
{
	struct agent *a = data;
	struct slice service = ttrpc_call_service(wire), method = ttrpc_call_method(wire);
	const ProtobufCMethodDescriptor *desc = NULL;
	const struct rpc_method *m = NULL;
	struct rpc_call *call;
	struct err e = {0};
	char text[160];
	int r;

	r = dispatch_find(service, method, &desc, &m);
	if (r < 0) {
		/* The two texts that Kata's own server sends. */
		if (r == -ENOENT)
			(void)snprintf(text, sizeof(text), "%.*s service does not exist",
				       (int)str_utf8_floor(service.p, MIN(service.n, (size_t)100)),
				       service.p);
		else
			(void)snprintf(text, sizeof(text), "%.*s method",
				       (int)str_utf8_floor(method.p, MIN(method.n, (size_t)100)),
				       method.p);
		ttrpc_call_error(wire, r == -ENOENT ? TTRPC_INVALID_ARGUMENT : TTRPC_UNIMPLEMENTED,
				 text);
		return;
	}

	call = a->n_calls < RPC_CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
	if (call == NULL) {
		(void)snprintf(text, sizeof(text), "limit of %d open calls reached", RPC_CALLS_MAX);
		ttrpc_call_error(wire, TTRPC_RESOURCE_EXHAUSTED, text);
		return;
	}
	call->agent = a;
	call->wire = wire;
	call->desc = desc;
	call->arena = ARENA_INIT(RPC_ARENA_MAX);
	a->n_calls++;

	r = handle(a, call, m, &e);
	if (r < 0)
		(void)rpc_fail(call, &e);
}
