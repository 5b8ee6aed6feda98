/* SPDX-License-Identifier: Apache-2.0 */
/* A further process in a container: successful once its program runs. */
#include <string.h>

#include "base/fd.h"
#include "container/cgroup.h"
#include "container/ctr_priv.h"
#include "container/spec_check.h"

static void exec_done(struct ctr_process *p, const struct err *e)
{
	static const struct err ok;
	ctr_done_fn done = TAKE_PTR(p->done);
	struct err copy = e == NULL ? ok : *e;

	if (done != NULL)
		done(p->done_data, &copy);
}

static void on_sync(unused_arg struct spawn *s, unused_arg enum plan_sync which)
{
	/* The only one, PLAN_SYNC_GO, was answered ahead. */
}

static void on_running(struct spawn *s)
{
	struct ctr_process *p = container_of(s, struct ctr_process, spawn);

	p->is_reported = true;
	exec_done(p, NULL);
}

static void on_exited(struct spawn *s, const siginfo_t *info)
{
	struct ctr_process *p = container_of(s, struct ctr_process, spawn);
	struct ctr *c = p->ctr;
	struct err e = s->err;

	if (s->is_running)
		p->is_reported = true;
	ctr_process_exited(p, info);
	list_del(&p->link);
	p->ctr = NULL;
	if (!s->is_running && c != NULL && c->state == CTR_STOPPED && e.kind != ERR_TIMEOUT)
		(void)!err_refuse(&e, ERR_PRECONDITION, "container %s: container not running",
				  c->id);
	if (c != NULL)
		ctr_end_process_gone(c);
	if (p->is_orphan)
		ctr_process_drop(p);
	else
		exec_done(p, s->is_running ? NULL : &e);
}

void ctr_process_cancel(struct ctr_process *p)
{
	struct err why = {0};

	if (p->done == NULL)
		return;
	(void)!err_refuse(&why, ERR_TIMEOUT, "the exec was cancelled");
	ctr_spawn_kill(&p->spawn, &why);
}

static const struct spawn_ops exec_ops = {
	.sync = on_sync,
	.running = on_running,
	.exited = on_exited,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters of a create and of a start at once */
int ctr_exec(struct ctr *c, const char *exec_id, struct ctr_process_spec *spec,
	     struct arena *spec_arena, const int stdio[static 3], ctr_done_fn done, void *data,
	     struct ctr_process **ret, struct err *e)
{
	struct spawn_how how = {0};
	struct ctr_process *p;
	struct plan *plan = NULL;
	struct err late = {0};
	int r = ctr_happen(c, CTR_EV_WANT_EXEC, e);

	if (r == 0 && c->work == CTR_WORK_DELETE)
		r = err_refuse(e, ERR_PRECONDITION, "container %s is being deleted", c->id);
	if (r == 0)
		r = ctr_id_check(exec_id, e);
	if (r == 0)
		r = ctr_process_check(spec, e);
	if (r == 0)
		r = ctr_plan_exec(c, spec, stdio, &plan, &how, e);
	if (r < 0)
		return r;
	if (ctr_process_new(c, false, &p) < 0) {
		plan_free(plan);
		return err_set(e, -ENOMEM, "process %s", exec_id);
	}
	r = ctr_spawn_start(&p->spawn, c->host->loop, plan, &how, &exec_ops, e);
	if (r < 0) {
		ctr_process_drop(p);
		return r;
	}
	p->arena = TAKE(*spec_arena, ARENA_INIT(0));
	p->done = done;
	p->done_data = data;
	list_add_tail(&c->processes, &p->link);
	*ret = p;
	if (ctr_limit(c, &p->spawn, spec, false, &late) < 0)
		ctr_spawn_kill(&p->spawn, &late);
	return 0;
}
