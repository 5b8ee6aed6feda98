/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a container, and pausing: whatever has to wait for the kernel. Teardown is a row of
 * steps that is taken up again after every event; each step is harmless when it has been done
 * before, so an expired delete can be repeated.
 */
#define LOG_MODULE "container"
#include <inttypes.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/cgroup.h"
#include "container/ctr_priv.h"

#define MS_NS          1000000U
#define BACKOFF_FIRST  (1U * MS_NS)
#define BACKOFF_MAX    (64U * MS_NS)
#define FREEZE_TIMEOUT (2000ULL * MS_NS)
#define UNDO_TIMEOUT   (10000ULL * MS_NS)

static void step(struct ctr *c);

static void on_idle(struct loop_idle *i)
{
	step(container_of(i, struct ctr, idle));
}

static void on_timer(struct loop_timer *t)
{
	step(container_of(t, struct ctr, timer));
}

/* Looks again later: 1 ms, doubling. */
static void later(struct ctr *c)
{
	uint64_t wait = c->backoff_ns == 0 ? BACKOFF_FIRST : c->backoff_ns;

	c->backoff_ns = MIN(wait * 2, (uint64_t)BACKOFF_MAX);
	if (loop_timer_set(c->host->loop, &c->timer, loop_now_ns() + wait, on_timer) < 0)
		loop_idle_add(c->host->loop, &c->idle, on_idle);
}

static bool is_late(const struct ctr *c)
{
	return c->deadline_ns != 0 && loop_now_ns() >= c->deadline_ns;
}

static void keep_first(struct ctr *c, const struct err *e)
{
	if (c->result.code == 0)
		c->result = *e;
}

static bool has_live_processes(const struct ctr *c)
{
	return (c->init != NULL && pidref_is_set(&c->init->spawn.ref) && !c->init->has_exited) ||
	       !list_empty(&c->processes);
}

static void after_poststop(struct ctr *c, const struct err *e)
{
	if (e->code != 0)
		keep_first(c, e);
	c->end = CTR_END_DONE;
	loop_idle_add(c->host->loop, &c->idle, on_idle);
}

static void run_poststop(struct ctr *c)
{
	static const struct err ok;
	struct err e = {0};
	/* A create that failed before any hook ran owes none. */
	bool owed = c->work == CTR_WORK_DELETE || c->ran_runtime_hooks;

	if (!owed)
		after_poststop(c, &ok);
	else if (ctr_hooks_run(c, CTR_HOOK_POSTSTOP, after_poststop, &e) < 0)
		after_poststop(c, &e);
}

static void kill_everything(struct ctr *c)
{
	struct err e = {0};

	if (c->init != NULL)
		ctr_spawn_kill(&c->init->spawn, NULL);
	list_for_each(it, &c->processes)
		ctr_spawn_kill(&list_entry(it, struct ctr_process, link)->spawn, NULL);
	if (ctr_cgroup_kill(c->cgroup, &e) < 0)
		keep_first(c, &e);
}

static void expire(struct ctr *c)
{
	struct err e = {0};

	(void)!err_refuse(&e, ERR_TIMEOUT, "container %s: not gone in time", c->id);
	ctr_finish(c, c->result.code != 0 && c->work == CTR_WORK_CREATE ? &c->result : &e);
}

/* Still in use, or this program is short of something just now: worth another try. */
static bool is_passing(int r)
{
	return r == -EBUSY || r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

static void teardown(struct ctr *c)
{
	struct err e = {0};

	switch (c->end) {
	case CTR_END_KILL:
		kill_everything(c);
		c->end = CTR_END_WAIT;
		__attribute__((fallthrough));
	case CTR_END_WAIT:
		if (has_live_processes(c) || ctr_cgroup_is_populated(c->cgroup) == 1) {
			if (is_late(c)) {
				expire(c);
				return;
			}
			/* v1 kills what it sees: what was forked meanwhile needs another round. */
			if (c->backoff_ns > 0)
				kill_everything(c);
			later(c);
			return;
		}
		c->end = CTR_END_CGROUP;
		c->backoff_ns = 0;
		__attribute__((fallthrough));
	case CTR_END_CGROUP:
		if (is_passing(ctr_cgroup_remove(c->cgroup, &e))) {
			if (is_late(c))
				expire(c);
			else
				later(c);
			return;
		}
		if (e.code != 0)
			keep_first(c, &e);
		ctr_ns_close(c);
		c->end = CTR_END_POSTSTOP;
		__attribute__((fallthrough));
	case CTR_END_POSTSTOP:
		if (c->hooks == NULL)
			run_poststop(c);
		return;
	case CTR_END_DONE:
		ctr_finish(c, &c->result);
		return;
	}
}

static void freeze_step(struct ctr *c)
{
	struct err e = {0};
	int frozen = ctr_cgroup_is_frozen(c->cgroup);

	if (c->state == CTR_STOPPED) {
		(void)!err_refuse(&e, ERR_PRECONDITION, "container %s: container not running",
				  c->id);
	} else if (frozen >= 0 && (frozen == 1) == c->wants_frozen) {
		(void)!ctr_happen(c, c->wants_frozen ? CTR_EV_PAUSED : CTR_EV_RESUMED, &e);
	} else if (frozen >= 0 && !is_late(c)) {
		/* v1 may stop half-way and wants to be told again. */
		if (ctr_cgroup_freeze(c->cgroup, c->wants_frozen, &e) == 0) {
			later(c);
			return;
		}
	} else if (frozen < 0) {
		(void)!err_set(&e, frozen, "container %s: read the freezer", c->id);
	} else {
		struct err ignored = {0};

		if (c->wants_frozen)
			(void)!ctr_cgroup_freeze(c->cgroup, false, &ignored);
		(void)!err_refuse(&e, ERR_TIMEOUT, "container %s: not %s in time", c->id,
				  c->wants_frozen ? "frozen" : "thawed");
	}
	ctr_finish(c, &e);
}

static void step(struct ctr *c)
{
	if (c->work == CTR_WORK_FREEZE)
		freeze_step(c);
	else if (c->work != CTR_IDLE)
		teardown(c);
}

void ctr_end_process_gone(struct ctr *c)
{
	if (c->work == CTR_WORK_DELETE || (c->work == CTR_WORK_CREATE && c->result.code != 0))
		loop_idle_add(c->host->loop, &c->idle, on_idle);
}

void ctr_undo(struct ctr *c, const struct err *why)
{
	struct err e = *why;

	/* Not c->result first: keep_first must not replace it. */
	c->result = e;
	c->end = CTR_END_KILL;
	c->backoff_ns = 0;
	c->deadline_ns = loop_now_ns() + UNDO_TIMEOUT;
	loop_idle_add(c->host->loop, &c->idle, on_idle);
}

static int freeze(struct ctr *c, bool frozen, ctr_done_fn done, void *data, struct err *e)
{
	int r = ctr_happen(c, frozen ? CTR_EV_WANT_PAUSE : CTR_EV_WANT_RESUME, e);

	if (r == 0)
		r = ctr_begin(c, CTR_WORK_FREEZE, done, data, e);
	if (r < 0)
		return r;
	r = ctr_cgroup_freeze(c->cgroup, frozen, e);
	if (r < 0) {
		c->work = CTR_IDLE;
		return r;
	}
	c->wants_frozen = frozen;
	c->backoff_ns = 0;
	c->deadline_ns = loop_now_ns() + FREEZE_TIMEOUT;
	loop_idle_add(c->host->loop, &c->idle, on_idle);
	return 0;
}

int ctr_pause(struct ctr *c, ctr_done_fn done, void *data, struct err *e)
{
	return freeze(c, true, done, data, e);
}

int ctr_resume(struct ctr *c, ctr_done_fn done, void *data, struct err *e)
{
	return freeze(c, false, done, data, e);
}

int ctr_update(struct ctr *c, const struct ctr_resources *res, struct err *e)
{
	int r = ctr_happen(c, CTR_EV_WANT_UPDATE, e);

	if (r == 0)
		r = ctr_cgroup_apply(c->cgroup, res, false, e);
	if (r == 0 && ctr_keep_cpus(c, res) < 0)
		log_warn("container %s: out of memory, its cpuset is not kept", c->id);
	return r;
}

int ctr_cpus_changed(struct ctr *c, const char *online, struct err *e)
{
	return c->cpus == NULL ? 0 : ctr_cgroup_update_cpuset(c->cgroup, online, c->cpus, e);
}

int ctr_kill_all(struct ctr *c, struct err *e)
{
	struct err ignored = {0};
	int r = ctr_cgroup_kill(c->cgroup, e);

	if (c->init != NULL)
		ctr_spawn_kill(&c->init->spawn, NULL); /* also while it is not in the group yet */
	if (r == 0 && c->state == CTR_PAUSED)
		(void)!ctr_happen(c, CTR_EV_RESUMED, &ignored);
	return r;
}

int ctr_delete(struct ctr *c, uint64_t deadline_ns, ctr_done_fn done, void *data, struct err *e)
{
	int r = ctr_begin(c, CTR_WORK_DELETE, done, data, e);

	if (r < 0)
		return r;
	c->deadline_ns = deadline_ns;
	c->backoff_ns = 0;
	/* Goes on where an expired one stopped, but kills again. */
	if (c->end == CTR_END_WAIT)
		c->end = CTR_END_KILL;
	loop_idle_add(c->host->loop, &c->idle, on_idle);
	return 0;
}
