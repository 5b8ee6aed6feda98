/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the hooks of a container run. Those of the runtime run with the guest's rights, those of
 * createContainer too, but inside the container's namespaces and before its root is entered. A
 * startContainer hook is a program of the container, so it runs with exactly the rights of its
 * first process, like an exec.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/ctr_priv.h"
#include "container/state.h"

#define STATE_MAX (1U << 20)

struct hook_kind {
	const char *word, *status;
};

static const struct hook_kind kinds[CTR_HOOK_KINDS] = {
	[CTR_HOOK_PRESTART] = {"prestart", "creating"},
	[CTR_HOOK_CREATE_RUNTIME] = {"createRuntime", "creating"},
	[CTR_HOOK_CREATE_CONTAINER] = {"createContainer", "creating"},
	[CTR_HOOK_START_CONTAINER] = {"startContainer", "created"},
	[CTR_HOOK_POSTSTART] = {"poststart", "running"},
	[CTR_HOOK_POSTSTOP] = {"poststop", "stopped"},
};

static bool is_inside(enum ctr_hook_kind kind)
{
	return kind == CTR_HOOK_CREATE_CONTAINER || kind == CTR_HOOK_START_CONTAINER;
}

/* The last number of "NSpid:" is the one in the innermost namespace, proc(5). */
static pid_t pid_inside(pid_t pid)
{
	char path[sizeof("/proc/-2147483648/status")], status[4096], *line, *end;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_file(AT_FDCWD, path, status, sizeof(status)) < 0)
		return pid;
	line = strstr(status, "\nNSpid:");
	end = line == NULL ? NULL : strchr(line + 1, '\n');
	if (end == NULL)
		return pid;
	*end = '\0';
	return (pid_t)strtol(strrchr(line, '\t') + 1, NULL, 10);
}

static int make_state(struct ctr *c, enum ctr_hook_kind kind, struct err *e)
{
	struct str out = STR_INIT(STATE_MAX);
	pid_t pid = 0;
	int r;

	if (kind != CTR_HOOK_POSTSTOP && c->init != NULL)
		pid = is_inside(kind) ? pid_inside(c->init->spawn.ref.pid) : c->init->spawn.ref.pid;
	r = ctr_state_json(&out, c->spec, c->id, kinds[kind].status, pid, c->bundle);
	free(c->hook_state);
	c->hook_state = r < 0 ? NULL : str_take(&out);
	str_done(&out);
	if (c->hook_state == NULL)
		return err_set(e, r < 0 ? r : -ENOMEM, "state document for the %s hooks",
			       kinds[kind].word);
	return 0;
}

/* As an exec of the container, with the hook's program in place of the user's. */
static int plan_start_container(struct ctr *c, const struct ctr_hook *hook, const int stdio[3],
				struct plan **ret, struct spawn_how *how, struct err *e)
{
	const char *args[2] = {hook->path, NULL};
	struct ctr_process_spec spec = *c->spec->process;
	const char **argv;
	struct plan *p;
	int r;

	spec.terminal = false;
	spec.cwd = "/";
	spec.args = (struct ctr_strv){args, 1};
	spec.has_caps = false; /* those of init */
	if (hook->has_env)
		spec.env = hook->env;
	r = ctr_plan_exec(c, &spec, stdio, ret, how, e);
	if (r < 0)
		return r;
	p = *ret;
	argv = arena_array(&p->arena, hook->args.n + 2, sizeof(*argv));
	if (argv == NULL) {
		plan_free(TAKE_PTR(*ret));
		return err_set(e, -ENOMEM, "startContainer hook");
	}
	argv[0] = hook->path;
	for (size_t i = 0; i < hook->args.n; i++)
		argv[i] = hook->args.v[i];
	p->op[p->n_ops - 1].strv = argv; /* PLAN_EXEC is always the last */
	return 0;
}

static int plan_hook(void *data, const struct ctr_hook *hook, const int stdio[static 3],
		     struct plan **ret, struct spawn_how *how, struct err *e)
{
	struct ctr *c = data;
	const struct ctr_facts *f = ctr_facts_get(e);
	struct plan_in in = {
		.spec = c->spec,
		.id = c->id,
		.stdio = {stdio[0], stdio[1], stdio[2]},
		.null_fd = c->host->null_fd,
	};
	bool inside = c->hook_kind == CTR_HOOK_CREATE_CONTAINER;

	if (f == NULL)
		return e->code;
	if (c->hook_kind == CTR_HOOK_START_CONTAINER)
		return plan_start_container(c, hook, stdio, ret, how, e);
	for (int i = 0; i < CTR_NS_COUNT; i++)
		in.ns_fd[i] = inside && i != CTR_NS_PID ? c->hook_ns[i] : -EBADF;
	*how = (struct spawn_how){.cgroup_fd = -EBADF, .is_agent = c->host->is_agent};
	if (inside && c->hook_ns[CTR_NS_PID] >= 0)
		how->enter[how->n_enter++] = (struct spawn_enter){
			c->hook_ns[CTR_NS_PID], f->own_ns[CTR_NS_PID], CLONE_NEWPID};
	return plan_build_hook(&in, hook, inside ? c->spec->root_path : "/", ret, e);
}

static void hooks_done(void *data, const struct err *e)
{
	struct ctr *c = data;
	struct err copy = *e;

	ctr_hook_run_free(TAKE_PTR(c->hooks));
	c->hooks_then(c, &copy);
}

static void hook_born(void *data, struct spawn *s)
{
	struct ctr *c = data;
	struct err e = {0};

	/* A program of the container: in its group before it does anything. */
	if (c->hook_kind != CTR_HOOK_START_CONTAINER)
		return;
	if (ctr_limit(c, s, c->spec->process, false, &e) < 0)
		ctr_spawn_kill(s, &e);
}

static const struct hook_ops hook_ops = {
	.plan = plan_hook,
	.born = hook_born,
	.done = hooks_done,
};

int ctr_hooks_run(struct ctr *c, enum ctr_hook_kind kind, ctr_hooks_then then, struct err *e)
{
	const struct hook_list list = {
		.hooks = &c->spec->hooks[kind],
		.kind = kinds[kind].word,
		.default_timeout_s = c->host->default_hook_timeout_s,
		.goes_on = kind == CTR_HOOK_POSTSTOP,
	};
	static const struct err ok;
	struct hook_list with_state = list;
	int r;

	c->hook_kind = kind;
	if (list.hooks->n == 0) {
		then(c, &ok);
		return 0;
	}
	r = make_state(c, kind, e);
	if (r < 0)
		return r;
	with_state.state = c->hook_state;
	c->hooks_then = then;
	return ctr_hook_run_new(c->host->loop, &with_state, &hook_ops, c, &c->hooks, e);
}
