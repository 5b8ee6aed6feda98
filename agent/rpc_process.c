/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: exec, signal, wait. */
#define LOG_MODULE "rpc"

#include <signal.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/journal.h"
#include "agent/process.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "agent/spec_proto.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define SPEC_ARENA_MAX (4u << 20)
#define SIGNAL_MAX     64

/* ---- ExecProcess ---- */

struct exec {
	struct container *c;
	struct rpc_call *call;
	struct process *p;
	struct ctr_process *core;
	bool terminal;
	int child_fds[3];
};

static void exec_free(struct exec *x)
{
	for (int i = 0; i < 3; i++)
		fd_close(x->child_fds[i]);
	free(x);
}

static void on_exec_cancel(unused_arg struct rpc_call *call, void *data)
{
	struct exec *x = data;

	ctr_process_cancel(x->core);
}

static int exec_adopt(struct exec *x, struct err *e)
{
	int r = 0;

	/* Published first, so that its exit is seen whatever follows. */
	process_publish(x->p, x->core);
	if (x->terminal)
		r = process_open_tty_consume(x->p, ctr_process_take_master(x->core), e);
	if (r == 0 && rpc_is_cancelled(x->call))
		r = err_refuse(e, ERR_TIMEOUT, "exec: the caller gave up");
	return r;
}

static void on_exec_done(void *data, const struct err *e)
{
	struct exec *x = data;
	struct container *c = x->c;
	struct process *p = x->p;
	struct ctr_process *core = x->core;
	struct err local = *e;

	rpc_on_cancel(x->call, NULL, NULL);
	if (local.code == 0)
		(void)!exec_adopt(x, &local);
	if (local.code < 0 && e->code == 0) {
		struct err scratch = {0};

		/* It runs, and nobody will ever ask for it: kill it and let its exit free it. */
		p->is_published = false;
		p->is_abandoned = true;
		if (ctr_process_signal(core, SIGKILL, &scratch) < 0)
			log_warn("kill of an abandoned exec: %s", scratch.msg);
	} else if (local.code < 0) {
		process_forget(p);
		ctr_process_free(core);
	} else {
		journal_process(p);
	}
	exec_free(x);
	container_op_end(c, &local);
}

static int exec_check(struct container *c, const Grpc__ExecProcessRequest *req, struct err *e)
{
	struct err unknown = {0};

	if (!container_id_is_valid(req->exec_id) || streq(req->exec_id, c->id))
		return err_refuse(e, ERR_INVALID, "invalid exec ID '%s'", req->exec_id);
	if (req->process == NULL)
		return err_refuse(e, ERR_INVALID,
				  "Unable to parse process from ExecProcessRequest");
	if (container_find_process(c, req->exec_id, ERR_NOT_FOUND, &unknown) != NULL)
		return err_refuse(e, ERR_EXISTS, "exec_id '%s' already exists", req->exec_id);
	if (c->init == NULL || process_has_exited(c->init))
		return err_refuse(e, ERR_PRECONDITION, "container '%s': init process exited",
				  c->id);
	if (ctr_get_state(c->ctr) != CTR_CREATED && ctr_get_state(c->ctr) != CTR_RUNNING)
		return err_refuse(e, ERR_PRECONDITION, "container '%s': current status is: %s",
				  c->id, ctr_state_name(ctr_get_state(c->ctr)));
	return 0;
}

static int exec_op(struct container *c, struct container_op *op, struct err *e)
{
	const Grpc__ExecProcessRequest *req = op->in;
	struct arena arena = ARENA_INIT(SPEC_ARENA_MAX);
	struct ctr_process_spec *spec = NULL;
	struct exec *x;
	int r = exec_check(c, req, e);

	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return err_set(e, -ENOMEM, "exec '%s'", req->exec_id);
	*x = (struct exec){.c = c, .call = op->call, .child_fds = {-EBADF, -EBADF, -EBADF}};
	r = spec_process_from_proto(req->process, &arena, &spec, e);
	if (r == 0) {
		x->terminal = spec->terminal;
		r = process_new(c, req->exec_id, false, &x->p, e);
	}
	if (r == 0 && !x->terminal)
		r = process_open_pipes(x->p, x->child_fds, e);
	if (r == 0)
		r = ctr_exec(c->ctr, req->exec_id, spec, &arena, x->child_fds, on_exec_done, x,
			     &x->core, e);
	arena_done(&arena); /* empty when the core has taken it */
	if (r < 0) {
		if (x->p != NULL)
			process_forget(x->p);
		exec_free(x);
		return r;
	}
	rpc_on_cancel(op->call, on_exec_cancel, x);
	return RPC_LATER;
}

static int exec_process(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			struct err *e)
{
	const Grpc__ExecProcessRequest *req = (const Grpc__ExecProcessRequest *)in;
	struct container *c = container_find(a, req->container_id, ERR_INTERNAL, e);

	return c != NULL ? container_queue(c, call, in, exec_op, true, e) : e->code;
}

/* ---- SignalProcess ---- */

static int signal_all(struct agent *a, const char *id, struct err *e)
{
	struct container *c = container_find(a, id, ERR_INTERNAL, e);

	return c != NULL ? ctr_kill_all(c->ctr, e) : e->code;
}

static int signal_process(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			  struct err *e)
{
	const Grpc__SignalProcessRequest *req = (const Grpc__SignalProcessRequest *)in;
	struct process *p;
	int r;

	if (req->signal > SIGNAL_MAX)
		return err_refuse(e, ERR_INVALID, "signal %u is unknown", req->signal);
	if (str_empty(req->exec_id) && req->signal == SIGKILL) {
		r = signal_all(a, req->container_id, e);
		return r < 0 ? r : rpc_reply_empty(call);
	}
	p = process_find(a, req->container_id, req->exec_id, e);
	if (p == NULL)
		return e->code;
	r = ctr_process_signal(p->p, (int)req->signal, e);
	return r < 0 ? r : rpc_reply_empty(call);
}

/* ---- WaitProcess ---- */

static int wait_process(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			struct err *e)
{
	const Grpc__WaitProcessRequest *req = (const Grpc__WaitProcessRequest *)in;
	struct process *p = process_find(a, req->container_id, req->exec_id, e);

	return p != NULL ? process_wait(p, call, e) : e->code;
}

const struct rpc_method rpc_process_methods[] = {
	{"ExecProcess", exec_process, RPC_UNTIL_DESTROY},
	{"SignalProcess", signal_process, RPC_UNTIL_DESTROY},
	{"WaitProcess", wait_process, RPC_UNTIL_DESTROY},
	{0},
};
