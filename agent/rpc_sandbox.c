/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox as a whole: create, destroy, details, and what is answered with a refusal. */
#define LOG_MODULE "rpc"

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/guest.h"
#include "agent/journal.h"
#include "agent/oom.h"
#include "agent/resource.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "agent/sandbox_setup.h"
#include "agent/storage.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "proto/agent.pb-c.h"
#include "ttrpc/server.h"

/* ---- CreateSandbox ---- */

struct create {
	struct agent *a;
	struct rpc_call *call;
	const Grpc__CreateSandboxRequest *req;
	struct err error; /* the failure that is being undone */
};

static void create_end(struct create *c)
{
	struct sandbox *s = c->a->sandbox;

	s->is_changing = false;
	if (c->error.code < 0) {
		sandbox_reset(s);
		(void)rpc_fail(c->call, &c->error);
		return;
	}
	s->is_running = true;
	journal_sandbox(c->a);
	log_info("sandbox is running");
	(void)rpc_reply_empty(c->call);
}

static void on_undone(void *data, const struct err *e)
{
	if (e->code < 0)
		log_warn("undo of a sandbox: %s", e->msg);
	create_end(data);
}

static void create_undo(struct create *c, const struct err *e)
{
	struct err scratch = {0};

	c->error = *e;
	if (resource_release(c->a, "", on_undone, c, &scratch) < 0)
		create_end(c);
}

static void on_dns(void *data, const struct err *e)
{
	struct create *c = data;

	if (e->code < 0) {
		create_undo(c, e);
		return;
	}
	c->a->sandbox->has_dns_mount = true;
	create_end(c);
}

static void on_storages(void *data, const struct err *e)
{
	struct create *c = data;
	struct err local = {0};

	if (e->code < 0) {
		c->error = *e; /* undone by itself */
		create_end(c);
		return;
	}
	if (!str_empty(c->req->guest_hook_path))
		sandbox_scan_hooks(c->a->sandbox, c->req->guest_hook_path);
	if (c->req->n_dns == 0)
		create_end(c);
	else if (sandbox_dns_start(c->a, c->req, on_dns, c, &local) < 0)
		create_undo(c, &local);
}

static void on_setup(void *data, const struct err *e, int fds[2])
{
	struct create *c = data;
	struct sandbox *s = c->a->sandbox;
	struct resource_request req = {
		.owner = "",
		.storages = c->req->storages,
		.n_storages = c->req->n_storages,
		.deadline_ns = rpc_deadline_ns(c->call),
	};
	struct resource_op *op;
	struct err local = {0};

	if (e->code < 0) {
		c->error = *e;
		create_end(c);
		return;
	}
	s->ipc_fd = TAKE_FD(fds[0]);
	s->uts_fd = TAKE_FD(fds[1]);
	if (c->req->n_storages == 0) {
		on_storages(c, &local);
		return;
	}
	if (resource_prepare(c->a, &req, on_storages, c, &op, &local) < 0) {
		c->error = local;
		create_end(c);
	}
}

/* What an earlier sandbox without containers held is given back. */
static void on_released(void *data, const struct err *e)
{
	struct create *c = data;
	struct sandbox *s = c->a->sandbox;
	struct err local = {0};

	if (e->code < 0) {
		c->error = *e;
		create_end(c);
		return;
	}
	journal_forget_sandbox(c->a);
	sandbox_reset(s);
	if (!str_empty(c->req->sandbox_id))
		s->id = strdup(c->req->sandbox_id);
	if (sandbox_setup_start(c->a, c->req, on_setup, c, &local) < 0) {
		c->error = local;
		create_end(c);
		return;
	}
	s->has_dns_mount = false;
}

static int create_sandbox(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			  struct err *e)
{
	const Grpc__CreateSandboxRequest *req = (const Grpc__CreateSandboxRequest *)in;
	struct sandbox *s = a->sandbox;
	struct create *c;
	int r;

	if (s->containers.n > 0)
		return err_refuse(e, ERR_PRECONDITION, "the sandbox has containers");
	if (s->is_changing)
		return err_refuse(e, ERR_PRECONDITION, "the sandbox is being created");
	r = sandbox_setup_check(req, e);
	if (r < 0)
		return r;
	c = arena_alloc(rpc_arena(call), sizeof(*c));
	if (c == NULL)
		return err_set(e, -ENOMEM, "create sandbox");
	*c = (struct create){.a = a, .call = call, .req = req};
	r = resource_release(a, "", on_released, c, e);
	if (r < 0)
		return r;
	s->is_changing = true;
	return RPC_LATER;
}

/* ---- DestroySandbox ---- */

static int destroy_sandbox(struct agent *a, struct rpc_call *call,
			   unused_arg const ProtobufCMessage *in, unused_arg struct err *e)
{
	return agent_shutdown(a, call);
}

/* ---- GetGuestDetails ---- */

/* The names of the storage drivers, in the call's arena: protobuf-c has no const strings. */
static int storage_names(struct arena *arena, Grpc__AgentDetails *details, struct err *e)
{
	size_t n = 0;

	while (storage_handler_name(n) != NULL)
		n++;
	details->storage_handlers = arena_array(arena, n, sizeof(char *));
	if (details->storage_handlers == NULL)
		return err_refuse(e, ERR_LIMIT, "guest details");
	for (size_t i = 0; i < n; i++) {
		details->storage_handlers[i] = arena_dup(arena, storage_handler_name(i));
		if (details->storage_handlers[i] == NULL)
			return err_refuse(e, ERR_LIMIT, "guest details");
	}
	details->n_storage_handlers = n;
	return 0;
}

static int get_guest_details(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			     struct err *e)
{
	static const char *const features[] = {"seccomp"};
	const Grpc__GuestDetailsRequest *req = (const Grpc__GuestDetailsRequest *)in;
	Grpc__GuestDetailsResponse msg = GRPC__GUEST_DETAILS_RESPONSE__INIT;
	Grpc__AgentDetails details = GRPC__AGENT_DETAILS__INIT;
	char version[] = PITH_VERSION;
	int r;

	r = storage_names(rpc_arena(call), &details, e);
	if (r == 0 && req->mem_block_size)
		r = guest_memory_block_size("/sys", &msg.mem_block_size_bytes, e);
	if (r < 0)
		return r;
	msg.support_mem_hotplug_probe = req->mem_hotplug_probe && guest_has_memory_probe("/sys");
	details.version = version;
	details.init_daemon = a->is_under_init;
	details.supports_seccomp = true;
	/* protobuf-c has no const strings; packing only reads them. */
	details.extra_features = (char **)(uintptr_t)features;
	details.n_extra_features = ARRAY_LEN(features);
	msg.agent_details = &details;
	return rpc_reply(call, &msg.base);
}

/* ---- refusals with a text or code that hosts know ---- */

static int set_policy(unused_arg struct agent *a, unused_arg struct rpc_call *call,
		      unused_arg const ProtobufCMessage *in, struct err *e)
{
	return err_refuse(e, ERR_NOT_FOUND, "/grpc.AgentService/SetPolicy is not supported");
}

static int resize_volume(unused_arg struct agent *a, unused_arg struct rpc_call *call,
			 unused_arg const ProtobufCMessage *in, struct err *e)
{
	return err_refuse(e, ERR_UNIMPLEMENTED, "resize_volume is not implemented in kata-agent");
}

static int no_mem_agent(unused_arg struct agent *a, unused_arg struct rpc_call *call,
			unused_arg const ProtobufCMessage *in, struct err *e)
{
	return err_refuse(e, ERR_INTERNAL, "mem-agent is disabled");
}

const struct rpc_method rpc_sandbox_methods[] = {
	{"CreateSandbox", create_sandbox, RPC_UNTIL_DESTROY},
	{"DestroySandbox", destroy_sandbox, RPC_ALWAYS},
	{"GetGuestDetails", get_guest_details, RPC_UNTIL_DESTROY},
	{"SetPolicy", set_policy, RPC_UNTIL_DESTROY},
	{"ResizeVolume", resize_volume, RPC_UNTIL_DESTROY},
	{"MemAgentMemcgSet", no_mem_agent, RPC_UNTIL_DESTROY},
	{"MemAgentCompactSet", no_mem_agent, RPC_UNTIL_DESTROY},
	{0},
};
