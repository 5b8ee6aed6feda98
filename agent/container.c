/* SPDX-License-Identifier: Apache-2.0 */
/* Registry of containers and the queue of each. Ending a container is teardown.c. */
#define LOG_MODULE "container"

#include "agent/container.h"

#include <ctype.h>

#include "agent/agent.h"
#include "agent/process.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "container/cgroup.h"

#define ID_MAX 128

bool container_id_is_valid(const char *id)
{
	size_t n = strlen(id);

	if (n == 0 || n > ID_MAX || !isascii(id[0]) || !isalnum((unsigned char)id[0]))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!isascii(id[i]) ||
		    (!isalnum((unsigned char)id[i]) && strchr("_.-", id[i]) == NULL))
			return false;
	}
	return true;
}

/* Directories beside the bundles that are not a container's (Kata's own names among them). */
static bool id_is_reserved(const char *id)
{
	static const char *const names[] = {"shared", "sandbox", "image", "virtual-volumes"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (streq(names[i], id))
			return true;
	}
	return false;
}

int container_new(struct agent *a, const char *id, struct container **ret, struct err *e)
{
	struct map *all = &a->sandbox->containers;
	struct container *c;
	int r;

	if (!container_id_is_valid(id))
		return err_refuse(e, ERR_INVALID, "invalid container ID %s", id);
	if (id_is_reserved(id))
		return err_refuse(e, ERR_INVALID, "container ID %s is reserved", id);
	if (map_get(all, id) != NULL)
		return err_refuse(e, ERR_EXISTS, "container %s already exists", id);
	if (all->n >= CONTAINERS_MAX)
		return err_refuse(e, ERR_LIMIT, "limit of %d containers reached", CONTAINERS_MAX);

	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(e, -ENOMEM, "container '%s'", id);
	c->a = a;
	c->is_creating = true;
	c->journal_fd = -EBADF;
	list_init(&c->processes);
	list_init(&c->ops);
	list_init(&c->removers);
	c->id = strdup(id);
	if (c->id == NULL || asprintf(&c->bundle, "%s/%s", a->paths.run, id) < 0)
		r = -ENOMEM;
	else
		r = map_put(all, id, c);
	if (r < 0) {
		free(c->bundle);
		free(c->id);
		free(c);
		return err_set(e, r, "container '%s'", id);
	}
	*ret = c;
	return 0;
}

void container_free(struct container *c)
{
	(void)map_del(&c->a->sandbox->containers, c->id);
	while (!list_empty(&c->processes))
		process_forget(list_entry(c->processes.next, struct process, link));
	loop_timer_del(&c->reap_timer);
	ctr_oom_watch_free(c->oom);
	ctr_free(c->ctr);
	/* A pid namespace without its init takes no processes. */
	if (c->owns_pidns)
		c->a->sandbox->pid_fd = fd_close(c->a->sandbox->pid_fd);
	sandbox_container_gone(c->a->sandbox, c->a->loop);
	fd_close(c->journal_fd);
	free(c->bundle);
	free(c->id);
	free(c);
}

struct container *container_find_any(struct agent *a, const char *id, enum err_kind kind,
				     struct err *e)
{
	struct container *c = map_get(&a->sandbox->containers, id);

	if (c != NULL && !c->is_creating)
		return c;
	(void)!err_refuse(e, kind, "Invalid container id %s", id);
	return NULL;
}

struct container *container_find(struct agent *a, const char *id, enum err_kind kind, struct err *e)
{
	struct container *c = container_find_any(a, id, kind, e);

	/* Without its core only a removal that failed half-way can go on. */
	if (c == NULL || c->ctr != NULL)
		return c;
	(void)!err_refuse(e, kind, "Invalid container id %s", id);
	return NULL;
}

struct process *container_find_process(struct container *c, const char *exec_id, enum err_kind kind,
				       struct err *e)
{
	bool wants_init = str_empty(exec_id) || streq(exec_id, c->id);

	list_for_each(it, &c->processes) {
		struct process *p = list_entry(it, struct process, link);

		if (!p->is_published)
			continue;
		if (wants_init ? p->is_init : !p->is_init && streq(p->exec_id, exec_id))
			return p;
	}
	(void)!err_refuse(e, kind, "Process not found: %s",
			  wants_init ? "init process missing" : "invalid exec id");
	return NULL;
}

struct process *process_find(struct agent *a, const char *id, const char *exec_id, struct err *e)
{
	struct container *c = container_find(a, id, ERR_INVALID, e);

	return c != NULL ? container_find_process(c, exec_id, ERR_NOT_FOUND, e) : NULL;
}

/* ---- the queue ---- */

int container_queue(struct container *c, struct rpc_call *call, const void *in, container_op_fn fn,
		    bool undo_on_cancel, struct err *e)
{
	struct container_op *op = arena_alloc(rpc_arena(call), sizeof(*op));

	if (op == NULL)
		return err_set(e, -ENOMEM, "container '%s'", c->id);
	*op = (struct container_op){
		.call = call, .in = in, .fn = fn, .is_undone_on_cancel = undo_on_cancel};
	list_add_tail(&c->ops, &op->link);
	container_run_ops(c);
	return RPC_LATER;
}

static void op_answer(struct rpc_call *call, const struct err *e)
{
	if (e != NULL && e->code < 0)
		(void)rpc_fail(call, e);
	else
		(void)rpc_reply_empty(call);
}

/* Takes the running operation off the queue and answers its caller. */
static void op_finish(struct container *c, const struct err *e)
{
	struct container_op *op = list_entry(c->ops.next, struct container_op, link);

	list_del(&op->link);
	rpc_on_cancel(op->call, NULL, NULL);
	op_answer(op->call, e);
}

void container_run_ops(struct container *c)
{
	while (!c->is_op_running && !c->is_removing && !list_empty(&c->ops)) {
		struct container_op *op = list_entry(c->ops.next, struct container_op, link);
		struct err e = {0};
		int r;

		log_scope(scope, "container-id", c->id);
		c->is_op_running = true;
		if (op->is_undone_on_cancel && rpc_is_cancelled(op->call))
			r = err_refuse(&e, ERR_TIMEOUT, "cancelled before it began");
		else
			r = op->fn(c, op, &e);
		if (r == RPC_LATER)
			return;
		c->is_op_running = false;
		op_finish(c, r < 0 ? &e : NULL);
	}
}

void container_op_end(struct container *c, const struct err *e)
{
	c->is_op_running = false;
	op_finish(c, e);
	if (c->is_removing)
		container_teardown(c);
	else
		container_run_ops(c);
}

void container_fail_ops(struct container *c)
{
	struct err e = {0};

	(void)!err_refuse(&e, ERR_INTERNAL, "Invalid container id %s", c->id);
	while (!list_empty(&c->ops))
		op_finish(c, &e);
}
