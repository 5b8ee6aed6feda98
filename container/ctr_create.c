/* SPDX-License-Identifier: Apache-2.0 */
/* Create and start: the life of init from the clone to the program that the user named. */
#define LOG_MODULE "container"
#include <inttypes.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/cgroup.h"
#include "container/ctr_priv.h"

static struct ctr *ctr_of(struct spawn *s)
{
	return container_of(s, struct ctr_process, spawn)->ctr;
}

static void fail(struct ctr *c, const struct err *e)
{
	if (c->result.code == 0)
		c->result = *e;
	ctr_spawn_kill(&c->init->spawn, e);
}

static void let_go(struct ctr *c)
{
	struct err e = {0};

	if (ctr_spawn_go(&c->init->spawn) < 0 && !c->init->has_exited) {
		(void)!err_set(&e, -EPIPE, "let init go on");
		fail(c, &e);
	}
}

/* ---- hooks of create, one kind after the other; then init may go on ---- */

static void after_create_hooks(struct ctr *c, const struct err *e);

static void run_create_hooks(struct ctr *c, enum ctr_hook_kind kind)
{
	struct err e = {0};

	c->hook_kind = kind;
	if (kind != CTR_HOOK_CREATE_CONTAINER)
		c->ran_runtime_hooks = true;
	else if (ctr_ns_pin(c, c->init->spawn.ref.pid, c->hook_ns, &e) < 0) {
		fail(c, &e);
		return;
	}
	if (ctr_hooks_run(c, kind, after_create_hooks, &e) < 0)
		fail(c, &e);
}

static void after_create_hooks(struct ctr *c, const struct err *e)
{
	if (c->init->has_exited) {
		/* It could not be told before: the hooks were still running. */
		ctr_undo(c, c->result.code != 0 ? &c->result
			    : e->code != 0      ? e
						: &c->init->spawn.err);
		return;
	}
	if (e->code != 0) {
		fail(c, e);
	} else if (c->hook_kind == CTR_HOOK_CREATE_CONTAINER) {
		ctr_ns_close_all(c->hook_ns);
		let_go(c);
	} else {
		run_create_hooks(c, (enum ctr_hook_kind)(c->hook_kind + 1));
	}
}

/* ---- what init tells ---- */

static void on_ready(struct ctr *c)
{
	struct err e = {0};

	if (ctr_ns_pin(c, c->init->spawn.ref.pid, c->ns, &e) < 0 ||
	    ctr_happen(c, CTR_EV_CREATED, &e) < 0) {
		fail(c, &e);
		return;
	}
	c->init->is_reported = true;
	ctr_finish(c, NULL);
}

static void on_sync(struct spawn *s, enum plan_sync which)
{
	struct ctr *c = ctr_of(s);

	if (c == NULL)
		return;
	switch (which) {
	case PLAN_SYNC_IDMAP:
	case PLAN_SYNC_GO:
		return; /* answered ahead, right after the clone */
	case PLAN_SYNC_HOOKS:
		if (c->work == CTR_WORK_CREATE && c->result.code == 0)
			run_create_hooks(c, CTR_HOOK_PRESTART);
		return;
	case PLAN_SYNC_READY:
		if (c->work == CTR_WORK_CREATE && c->result.code == 0)
			on_ready(c);
		return;
	}
}

static void after_poststart(struct ctr *c, const struct err *e)
{
	if (e->code != 0) {
		c->result = *e;
		ctr_spawn_kill(&c->init->spawn, NULL);
	}
	ctr_finish(c, e);
}

static void on_running(struct spawn *s)
{
	struct ctr *c = ctr_of(s);
	struct err e = {0};

	if (c == NULL || c->work != CTR_WORK_START)
		return;
	arena_done(&c->hidden); /* the plan that pointed there is gone */
	if (ctr_happen(c, CTR_EV_STARTED, &e) < 0 ||
	    ctr_hooks_run(c, CTR_HOOK_POSTSTART, after_poststart, &e) < 0)
		after_poststart(c, &e);
}

static void explain_oom(struct ctr *c, struct err *e, const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED || info->si_status != SIGKILL ||
	    ctr_cgroup_oom_kills(c->cgroup) == 0)
		return;
	(void)!err_refuse(e, ERR_INTERNAL, "container init was OOM-killed (memory limit too low?)");
}

/* The end of init while it is being created. */
static void exited_in_create(struct ctr *c)
{
	struct err *own = &c->init->spawn.err;

	if (c->hooks != NULL)
		ctr_hook_run_cancel(c->hooks, own); /* goes on in after_create_hooks */
	else
		ctr_undo(c, c->result.code != 0 ? &c->result : own);
}

/* The end of init while its start is under way. */
static void exited_in_start(struct ctr *c, bool was_running)
{
	struct err *own = &c->init->spawn.err;
	struct err e = {0};

	if (c->hooks != NULL) {
		/* poststart goes on: the program has been started, however short it lived. */
		if (c->hook_kind == CTR_HOOK_START_CONTAINER)
			ctr_hook_run_cancel(c->hooks, own);
	} else if (!was_running || c->result.code != 0) {
		ctr_finish(c, c->result.code != 0 ? &c->result : own);
	} else if (ctr_hooks_run(c, CTR_HOOK_POSTSTART, after_poststart, &e) < 0) {
		/* A program that ended before its start was seen has been started all the same. */
		after_poststart(c, &e);
	}
}

static void on_exited(struct spawn *s, const siginfo_t *info)
{
	struct ctr_process *p = container_of(s, struct ctr_process, spawn);
	struct ctr *c = p->ctr;
	bool was_running = s->is_running;
	struct err e = {0};

	ctr_process_exited(p, info);
	if (c == NULL) {
		if (p->is_orphan)
			ctr_process_drop(p);
		return;
	}
	if (!was_running && c->result.code == 0)
		explain_oom(c, &s->err, info);
	(void)!ctr_happen(c, CTR_EV_EXITED, &e);
	if (c->work == CTR_WORK_CREATE && !p->is_reported)
		exited_in_create(c);
	else if (c->work == CTR_WORK_START)
		exited_in_start(c, was_running);
	else
		ctr_end_process_gone(c);
}

static const struct spawn_ops init_ops = {
	.sync = on_sync,
	.running = on_running,
	.exited = on_exited,
};

/* ---- the calls ---- */

static void set_stdio(struct plan *p, const int stdio[static 3])
{
	for (uint32_t i = 0; i < p->n_ops; i++) {
		if (p->op[i].type == PLAN_STDIO)
			p->op[i].fd = stdio[p->op[i].arg];
	}
}

int ctr_create(struct ctr *c, const int stdio[static 3], ctr_done_fn done, void *data,
	       struct err *e)
{
	const struct ctr_facts *f = ctr_facts_get(e);
	struct spawn_how how = {0};
	struct err late = {0};
	int r;

	if (f == NULL)
		return e->code;
	if (c->plan == NULL || c->init != NULL)
		return err_refuse(e, ERR_PRECONDITION, "container %s was created before", c->id);
	for (int i = 0; i < 3; i++) {
		if (stdio[i] >= 0 && stdio[i] < 3)
			return err_set(e, -EBADF, "standard stream %d", i);
	}
	r = ctr_begin(c, CTR_WORK_CREATE, done, data, e);
	if (r < 0)
		return r;
	r = ctr_process_new(c, true, &c->init);
	if (r < 0) {
		c->work = CTR_IDLE;
		return err_set(e, r, "container %s", c->id);
	}
	set_stdio(c->plan, stdio);
	ctr_ns_how(c, f, &how);
	how.cgroup_fd = ctr_cgroup_clone_fd(c->cgroup);
	r = ctr_spawn_start(&c->init->spawn, c->host->loop, TAKE_PTR(c->plan), &how, &init_ops, e);
	if (r < 0) {
		struct err ignored = {0};

		ctr_process_drop(TAKE_PTR(c->init));
		c->work = CTR_IDLE;
		c->end = CTR_END_DONE;
		(void)!ctr_cgroup_remove(c->cgroup, &ignored);
		return r;
	}
	if (ctr_limit(c, &c->init->spawn, c->spec->process, true, &late) < 0)
		fail(c, &late); /* done is told once the child is gone and all is undone */
	return 0;
}

static void after_start_hooks(struct ctr *c, const struct err *e)
{
	if (c->init->has_exited) {
		ctr_finish(c, e->code != 0 ? e : &c->init->spawn.err);
	} else if (e->code != 0) {
		fail(c, e); /* finished by its exit */
	} else {
		let_go(c);
	}
}

int ctr_start(struct ctr *c, ctr_done_fn done, void *data, struct err *e)
{
	int r = ctr_happen(c, CTR_EV_WANT_START, e);

	if (r == 0)
		r = ctr_begin(c, CTR_WORK_START, done, data, e);
	if (r < 0)
		return r;
	r = ctr_hooks_run(c, CTR_HOOK_START_CONTAINER, after_start_hooks, e);
	if (r < 0)
		c->work = CTR_IDLE;
	return r;
}

void ctr_cancel(struct ctr *c)
{
	struct err why = {0};

	(void)!err_refuse(&why, ERR_TIMEOUT, "container %s: the operation was cancelled", c->id);
	list_for_each(it, &c->processes) {
		ctr_process_cancel(list_entry(it, struct ctr_process, link));
	}
	switch (c->work) {
	case CTR_WORK_CREATE:
	case CTR_WORK_START:
		if (c->hooks != NULL)
			ctr_hook_run_cancel(c->hooks, &why);
		fail(c, &why);
		return;
	case CTR_WORK_FREEZE:
	case CTR_WORK_DELETE:
		c->deadline_ns = 1; /* in the past: the next look at it ends the operation */
		return;
	case CTR_IDLE:
		return;
	}
}
