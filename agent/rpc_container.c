/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: create, start, update, pause, resume, remove. What changes one goes through its queue. */
#define LOG_MODULE "rpc"

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/create.h"
#include "agent/journal.h"
#include "agent/oom.h"
#include "agent/process.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "agent/spec_proto.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define NS_PER_S UINT64_C(1000000000)

/* The end of an asynchronous operation of the queue. */
static void on_op_done(void *data, const struct err *e)
{
	journal_container_state(data);
	container_op_end(data, e);
}

/* ---- StartContainer ---- */

static void watch_oom(struct container *c)
{
	const char *sandbox_id = c->a->sandbox->id;
	struct err e = {0};

	/* The sandbox's own container is not the host's business. */
	if (sandbox_id != NULL && streq(c->id, sandbox_id))
		return;
	if (c->oom == NULL && oom_watch_container(c, &e) < 0)
		log_warn("no OOM events for container '%s': %s", c->id, e.msg);
}

static int start_op(struct container *c, unused_arg struct container_op *op, struct err *e)
{
	int r;

	if (c->init == NULL || process_has_exited(c->init))
		return err_refuse(e, ERR_PRECONDITION, "start container '%s': init process exited",
				  c->id);
	if (ctr_get_state(c->ctr) != CTR_CREATED)
		return err_refuse(e, ERR_PRECONDITION,
				  "start container '%s': current status is: %s", c->id,
				  ctr_state_name(ctr_get_state(c->ctr)));
	watch_oom(c);
	r = ctr_start(c->ctr, on_op_done, c, e);
	return r < 0 ? err_wrap(e, "start container '%s'", c->id) : RPC_LATER;
}

static int start_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			   struct err *e)
{
	const Grpc__StartContainerRequest *req = (const Grpc__StartContainerRequest *)in;
	struct container *c = container_find(a, req->container_id, ERR_INTERNAL, e);

	return c != NULL ? container_queue(c, call, in, start_op, false, e) : e->code;
}

/* ---- UpdateContainer ---- */

static int update_op(struct container *c, struct container_op *op, struct err *e)
{
	const Grpc__UpdateContainerRequest *req = op->in;
	struct ctr_resources *res = NULL;
	int r;

	if (req->resources == NULL)
		return 0;
	r = spec_resources_from_proto(req->resources, rpc_arena(op->call), &res, e);
	if (r == 0)
		r = ctr_update(c->ctr, res, e);
	return r;
}

static int update_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			    struct err *e)
{
	const Grpc__UpdateContainerRequest *req = (const Grpc__UpdateContainerRequest *)in;
	struct container *c = container_find(a, req->container_id, ERR_INVALID, e);

	return c != NULL ? container_queue(c, call, in, update_op, false, e) : e->code;
}

/* ---- PauseContainer, ResumeContainer ---- */

static int pause_op(struct container *c, unused_arg struct container_op *op, struct err *e)
{
	enum ctr_state s = ctr_get_state(c->ctr);
	int r;

	if (s != CTR_CREATED && s != CTR_RUNNING && s != CTR_STOPPED)
		return err_refuse(e, ERR_INTERNAL,
				  "failed to pause container: current status is: %s",
				  ctr_state_name(s));
	/* There is nothing left to freeze; Kata's agent says yes to that. */
	if (s == CTR_STOPPED)
		return 0;
	r = ctr_pause(c->ctr, on_op_done, c, e);
	return r < 0 ? r : RPC_LATER;
}

static int resume_op(struct container *c, unused_arg struct container_op *op, struct err *e)
{
	enum ctr_state s = ctr_get_state(c->ctr);
	int r;

	if (s != CTR_PAUSED)
		return err_refuse(e, ERR_INTERNAL, "container status is: %s, not paused",
				  ctr_state_name(s));
	r = ctr_resume(c->ctr, on_op_done, c, e);
	return r < 0 ? r : RPC_LATER;
}

static int pause_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			   struct err *e)
{
	const Grpc__PauseContainerRequest *req = (const Grpc__PauseContainerRequest *)in;
	struct container *c = container_find(a, req->container_id, ERR_INVALID, e);

	return c != NULL ? container_queue(c, call, in, pause_op, false, e) : e->code;
}

static int resume_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			    struct err *e)
{
	const Grpc__ResumeContainerRequest *req = (const Grpc__ResumeContainerRequest *)in;
	struct container *c = container_find(a, req->container_id, ERR_INVALID, e);

	return c != NULL ? container_queue(c, call, in, resume_op, false, e) : e->code;
}

/* ---- RemoveContainer ---- */

static void on_removed(void *data, const struct err *e)
{
	struct rpc_call *call = data;
	struct err late = {0};

	if (e->code < 0 && e->kind == ERR_TIMEOUT) {
		/* 4 is the transport's own answer, for the caller's deadline. */
		(void)!err_refuse(&late, ERR_INTERNAL, "ETIME: %s", e->msg);
		e = &late;
	}
	if (e->code < 0)
		(void)rpc_fail(call, e);
	else
		(void)rpc_reply_empty(call);
}

static int remove_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			    struct err *e)
{
	const Grpc__RemoveContainerRequest *req = (const Grpc__RemoveContainerRequest *)in;
	struct container *c = container_find_any(a, req->container_id, ERR_INTERNAL, e);
	uint64_t deadline = rpc_deadline_ns(call);
	int r;

	if (c == NULL)
		return e->code;
	if (req->timeout > 0) {
		uint64_t at = loop_now_ns() + req->timeout * NS_PER_S;

		deadline = deadline == 0 ? at : MIN(deadline, at);
	}
	log_info("removing container '%s'", c->id);
	r = container_remove(c, deadline, on_removed, call, e);
	return r < 0 ? r : RPC_LATER;
}

const struct rpc_method rpc_container_methods[] = {
	{"CreateContainer", create_container, RPC_UNTIL_DESTROY},
	{"StartContainer", start_container, RPC_UNTIL_DESTROY},
	{"UpdateContainer", update_container, RPC_UNTIL_DESTROY},
	{"PauseContainer", pause_container, RPC_UNTIL_DESTROY},
	{"ResumeContainer", resume_container, RPC_UNTIL_DESTROY},
	{"RemoveContainer", remove_container, RPC_UNTIL_DESTROY},
	{0},
};
