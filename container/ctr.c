/* SPDX-License-Identifier: Apache-2.0 */
/* The container object: what it is made of, and the one table of what may happen to it when. */
#define LOG_MODULE "container"
#include "container/ctr.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/ctr_priv.h"
#include "container/mountinfo.h"
#include "container/seccomp.h"
#include "container/spec_check.h"

#define HIDDEN_ARENA_MAX (512U << 10) /* 64 paths of at most PATH_MAX */

#define REFUSED (-1)
#define SAME    (-2)

/* [state][event]: the next state. */
static const int table[][CTR_EVENTS] = {
	/*                created      started      paused      resumed exited       start    exec  pause    resume   update */
	[CTR_CREATING] = {CTR_CREATED, REFUSED, REFUSED, REFUSED, CTR_STOPPED, REFUSED, REFUSED,
			  REFUSED, REFUSED, REFUSED},
	[CTR_CREATED] = {REFUSED, CTR_RUNNING, CTR_PAUSED, REFUSED, CTR_STOPPED, SAME, SAME, SAME,
			 REFUSED, SAME},
	[CTR_RUNNING] = {REFUSED, REFUSED, CTR_PAUSED, REFUSED, CTR_STOPPED, REFUSED, SAME, SAME,
			 REFUSED, SAME},
	/* Resumed: to what it was before. */
	[CTR_PAUSED] = {REFUSED, REFUSED, REFUSED, CTR_RUNNING, CTR_STOPPED, REFUSED, REFUSED,
			REFUSED, SAME, SAME},
	/* The cgroup is there until the end, and so are its limits. */
	[CTR_STOPPED] = {REFUSED, REFUSED, REFUSED, REFUSED, SAME, REFUSED, REFUSED, REFUSED,
			 REFUSED, SAME},
};

static const char *const event_words[CTR_EVENTS] = {
	[CTR_EV_CREATED] = "finish the creation of",
	[CTR_EV_STARTED] = "finish the start of",
	[CTR_EV_PAUSED] = "finish the pause of",
	[CTR_EV_RESUMED] = "finish the resume of",
	[CTR_EV_EXITED] = "stop",
	[CTR_EV_WANT_START] = "start",
	[CTR_EV_WANT_EXEC] = "run a process in",
	[CTR_EV_WANT_PAUSE] = "pause",
	[CTR_EV_WANT_RESUME] = "resume",
	[CTR_EV_WANT_UPDATE] = "update",
};

const char *ctr_state_name(enum ctr_state s)
{
	static const char *const names[] = {
		[CTR_CREATING] = "creating", [CTR_CREATED] = "created", [CTR_RUNNING] = "running",
		[CTR_PAUSED] = "paused",     [CTR_STOPPED] = "stopped",
	};

	return names[s];
}

int ctr_happen(struct ctr *c, enum ctr_event event, struct err *e)
{
	int next = table[c->state][event];

	if (next == REFUSED)
		return err_refuse(e, ERR_PRECONDITION, "cannot %s container %s: it is %s",
				  event_words[event], c->id, ctr_state_name(c->state));
	if (next == SAME)
		return 0;
	if (event == CTR_EV_PAUSED)
		c->before_pause = c->state;
	if (event == CTR_EV_RESUMED)
		next = (int)c->before_pause;
	log_debug("container %s: %s -> %s", c->id, ctr_state_name(c->state),
		  ctr_state_name((enum ctr_state)next));
	c->state = (enum ctr_state)next;
	return 0;
}

int ctr_begin(struct ctr *c, enum ctr_work work, ctr_done_fn done, void *data, struct err *e)
{
	if (c->work != CTR_IDLE)
		return err_refuse(e, ERR_PRECONDITION,
				  "container %s: another operation is under way", c->id);
	c->work = work;
	c->done = done;
	c->done_data = data;
	c->result = (struct err){0};
	return 0;
}

void ctr_finish(struct ctr *c, const struct err *e)
{
	static const struct err ok;
	ctr_done_fn done = TAKE_PTR(c->done);
	struct err copy = e == NULL ? ok : *e;

	c->work = CTR_IDLE;
	loop_timer_del(&c->timer);
	if (done != NULL)
		done(c->done_data, &copy);
}

static struct ctr *ctr_alloc(const struct ctr_host *host, const char *id, const char *bundle)
{
	struct ctr *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->host = host;
	c->id = strdup(id);
	c->bundle = strdup(bundle == NULL ? "" : bundle);
	list_init(&c->processes);
	c->hidden = ARENA_INIT(HIDDEN_ARENA_MAX);
	for (int i = 0; i < CTR_NS_COUNT; i++)
		c->join[i] = c->ns[i] = c->hook_ns[i] = -EBADF;
	return c;
}

static void ctr_release(struct ctr *c)
{
	if (c == NULL)
		return;
	ctr_ns_close(c);
	plan_free(c->plan);
	ctr_bpf_unref(c->bpf);
	ctr_cgroup_free(c->cgroup);
	arena_done(&c->arena);
	arena_done(&c->hidden);
	free(c->hook_state);
	free(c->cpus);
	free(c->id);
	free(c->bundle);
	free(c);
}

static int load_seccomp(struct ctr *c, struct err *e)
{
	struct ctr_seccomp_cache *cache = c->host->seccomp;
	const struct ctr_seccomp *profile = c->spec->seccomp;
	char unknown[256] = "";
	int r;

	if (profile == NULL)
		return 0;
	if (cache != NULL)
		c->bpf = ctr_seccomp_cache_get(cache, profile);
	if (c->bpf != NULL)
		return 0;
	r = ctr_seccomp_compile(profile, unknown, sizeof(unknown), &c->bpf, e);
	if (r < 0)
		return r;
	if (unknown[0] != '\0')
		log_info("seccomp: names unknown to libseccomp are skipped: %s", unknown);
	if (cache != NULL && ctr_seccomp_cache_put(cache, profile, c->bpf) < 0)
		log_warn("seccomp: the program could not be cached");
	return 0;
}

static int build_plan(struct ctr *c, struct err *e)
{
	const struct ctr_facts *f = ctr_facts_get(e);
	struct plan_in in;
	int r;

	if (f == NULL)
		return e->code;
	ctr_plan_in(c, f, &in);
	if (in.must_move_root || in.may_move_root) {
		r = ctr_mountinfo_hidden(&c->hidden, c->spec->root_path, &in.hide, e);
		if (r < 0)
			return r;
	}
	r = ctr_plan_process(c, c->spec->process, &in, e);
	memcpy(c->caps, in.caps, sizeof(c->caps));
	return r < 0 ? r : plan_build_init(&in, &c->plan, e);
}

/* The cgroup is the only thing here that outlives the process: made last but one, undone first. */
static int prepare(struct ctr *c, struct err *e)
{
	int r = ctr_ns_resolve(c, e);

	if (r == 0)
		r = load_seccomp(c, e);
	if (r == 0)
		r = ctr_cgroup_create(c->spec->cgroups_path, c->id, c->spec->resources, &c->cgroup,
				      e);
	if (r < 0)
		return r;
	r = build_plan(c, e);
	if (r < 0) {
		struct err ignored = {0};

		(void)!ctr_cgroup_remove(c->cgroup, &ignored);
	}
	return r;
}

int ctr_keep_cpus(struct ctr *c, const struct ctr_resources *res)
{
	char *copy;

	if (str_empty(res->cpu.cpus))
		return 0;
	copy = strdup(res->cpu.cpus);
	if (copy == NULL)
		return -ENOMEM;
	free(c->cpus);
	c->cpus = copy;
	return 0;
}

int ctr_new(const struct ctr_host *host, const char *id, const char *bundle, struct ctr_spec *spec,
	    struct arena *spec_arena, struct ctr **ret, struct err *e)
{
	struct ctr *c;
	int r = ctr_spec_check(spec, id, host->is_agent, e);

	if (r < 0)
		return r;
	c = ctr_alloc(host, id, bundle);
	if (c == NULL || c->id == NULL || c->bundle == NULL) {
		ctr_release(c);
		return err_set(e, -ENOMEM, "container %s", id);
	}
	if (spec->resources == NULL) {
		spec->resources = arena_alloc(spec_arena, sizeof(*spec->resources));
		if (spec->resources == NULL) {
			ctr_release(c);
			return err_set(e, -ENOMEM, "container %s", id);
		}
		ctr_resources_init(spec->resources);
	}
	c->spec = spec;
	r = ctr_keep_cpus(c, spec->resources);
	if (r < 0)
		(void)!err_set(e, r, "container %s", id);
	else
		r = prepare(c, e);
	if (r < 0) {
		ctr_release(c);
		return r;
	}
	c->arena = TAKE(*spec_arena, ARENA_INIT(0));
	*ret = c;
	return 0;
}

void ctr_free(struct ctr *c)
{
	if (c == NULL)
		return;
	ctr_hook_run_free(c->hooks);
	loop_idle_del(&c->idle);
	loop_timer_del(&c->timer);
	list_for_each_safe(it, nx, &c->processes) {
		struct ctr_process *p = list_entry(it, struct ctr_process, link);

		list_del(&p->link);
		p->ctr = NULL;
	}
	if (c->init != NULL) {
		c->init->ctr = NULL;
		ctr_process_free(c->init);
	}
	ctr_release(c);
}

const char *ctr_id(const struct ctr *c)
{
	return c->id;
}

enum ctr_state ctr_get_state(const struct ctr *c)
{
	return c->state;
}

struct ctr_spec *ctr_get_spec(struct ctr *c)
{
	return c->spec;
}

struct ctr_cgroup *ctr_get_cgroup(struct ctr *c)
{
	return c->cgroup;
}

struct ctr_process *ctr_init(struct ctr *c)
{
	return c->init;
}

int ctr_ns_fd(const struct ctr *c, enum ctr_ns_type type)
{
	return c->ns[type];
}
