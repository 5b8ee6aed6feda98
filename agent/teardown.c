/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a container, step by step and resumable: core, reaping, bundle, resources. A step that
 * fails stops the removal there, so that the next call tries that step again; nothing is removed
 * under something that still lives.
 */
#define LOG_MODULE "container"

#include "agent/agent.h"
#include "agent/bundle.h"
#include "agent/container.h"
#include "agent/journal.h"
#include "agent/oom.h"
#include "agent/process.h"
#include "agent/resource.h"
#include "base/log.h"
#include "container/cgroup.h"

#define REAP_TIMEOUT_NS (5 * UINT64_C(1000000000))

static void advance(struct container *c);

struct remover {
	struct list link;
	container_done_fn done;
	void *data;
};

static void finish(struct container *c, const struct err *e)
{
	struct list removers;
	struct err copy = *e;

	list_init(&removers);
	list_for_each_safe(it, next, &c->removers) {
		list_del(it);
		list_add_tail(&removers, it);
	}

	loop_timer_del(&c->reap_timer);
	if (copy.code == 0) {
		container_fail_ops(c);
		container_free(c);
	} else {
		c->is_removing = false;
	}
	while (!list_empty(&removers)) {
		struct remover *r = list_entry(removers.next, struct remover, link);

		list_del(&r->link);
		r->done(r->data, &copy);
		free(r);
	}
}

/* The end of an asynchronous step. */
static void on_step(void *data, const struct err *e)
{
	struct container *c = data;

	if (e->code < 0) {
		finish(c, e);
		return;
	}
	switch (c->step) {
	case TEARDOWN_CORE:
		c->step = TEARDOWN_REAP;
		break;
	case TEARDOWN_BUNDLE:
		c->has_bundle = false;
		c->step = TEARDOWN_RESOURCE;
		break;
	case TEARDOWN_RESOURCE:
		c->has_resources = false;
		c->step = TEARDOWN_DONE;
		break;
	case TEARDOWN_REAP:
	case TEARDOWN_DONE:
		break;
	}
	advance(c);
}

static bool has_live_process(const struct container *c)
{
	list_for_each(it, &c->processes) {
		const struct process *p = list_entry(it, struct process, link);

		if (p->p != NULL && !process_has_exited(p))
			return true;
	}
	return false;
}

static void on_reap_timeout(struct loop_timer *t)
{
	struct container *c = container_of(t, struct container, reap_timer);
	struct err e = {0};

	(void)!err_refuse(&e, ERR_TIMEOUT, "container '%s': a killed process does not go away",
			  c->id);
	finish(c, &e);
}

void container_process_exited(struct container *c)
{
	if (c->is_removing && c->step == TEARDOWN_REAP && !has_live_process(c)) {
		loop_timer_del(&c->reap_timer);
		advance(c);
	}
}

/* Return: true when the step is over. */
static bool step_reap(struct container *c)
{
	if (has_live_process(c)) {
		if (loop_timer_set(c->a->loop, &c->reap_timer, loop_now_ns() + REAP_TIMEOUT_NS,
				   on_reap_timeout) < 0)
			on_reap_timeout(&c->reap_timer);
		return false;
	}
	while (!list_empty(&c->processes))
		process_forget(list_entry(c->processes.next, struct process, link));
	ctr_oom_watch_free(TAKE_PTR(c->oom));
	oom_queue_drop(c->a->oom, c->id);
	ctr_free(TAKE_PTR(c->ctr));
	journal_forget_container(c);
	c->step = TEARDOWN_BUNDLE;
	return true;
}

static void advance(struct container *c)
{
	struct err e = {0};
	int r = 0;

	if (c->step == TEARDOWN_CORE) {
		if (c->ctr == NULL) {
			c->step = TEARDOWN_REAP;
		} else {
			r = ctr_delete(c->ctr, c->deadline_ns, on_step, c, &e);
			if (r < 0)
				finish(c, &e);
			return;
		}
	}
	if (c->step == TEARDOWN_REAP && !step_reap(c))
		return;
	if (c->step == TEARDOWN_BUNDLE) {
		if (c->has_bundle) {
			r = bundle_remove(c->a, c->bundle, on_step, c, &e);
			if (r < 0)
				finish(c, &e);
			return;
		}
		c->step = TEARDOWN_RESOURCE;
	}
	if (c->step == TEARDOWN_RESOURCE) {
		if (c->has_resources) {
			r = resource_release(c->a, c->id, on_step, c, &e);
			if (r < 0)
				finish(c, &e);
			return;
		}
		c->step = TEARDOWN_DONE;
	}
	finish(c, &e);
}

void container_teardown(struct container *c)
{
	advance(c);
}

int container_remove(struct container *c, uint64_t deadline_ns, container_done_fn done, void *data,
		     struct err *e)
{
	struct remover *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, -ENOMEM, "remove container '%s'", c->id);
	r->done = done;
	r->data = data;
	list_add_tail(&c->removers, &r->link);
	if (c->is_removing)
		return 0;
	c->is_removing = true;
	c->deadline_ns = deadline_ns;
	if (c->is_op_running)
		ctr_cancel(c->ctr);
	else
		container_teardown(c);
	return 0;
}
