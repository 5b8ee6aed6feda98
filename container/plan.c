/* SPDX-License-Identifier: Apache-2.0 */
/* The builder, and the order of everything: the two tables below are the only place that knows it. */
#include "container/plan.h"

#include <stdlib.h>
#include <string.h>

#include "container/plan_steps.h"

#define OPS_MAX   20000       /* 4096 mounts of several operations each, checked spec sizes */
#define ARENA_MAX (32U << 20) /* strings of at most 65536 environment entries and 4096 mounts */

struct plan_op *plan_add(struct plan *p, enum plan_op_type type)
{
	struct plan_op *op;

	if (p->n_ops == p->cap_ops) {
		uint32_t cap = p->cap_ops == 0 ? 128 : p->cap_ops * 2;

		if (cap > OPS_MAX)
			return NULL;
		op = realloc(p->op, cap * sizeof(*op));
		if (op == NULL)
			return NULL;
		p->op = op;
		p->cap_ops = cap;
	}
	op = &p->op[p->n_ops++];
	*op = (struct plan_op){.type = type, .fd = -EBADF, .fd2 = -EBADF};
	return op;
}

int plan_oom(struct err *e)
{
	return err_set(e, -ENOMEM, "no memory for the plan");
}

int plan_put(struct plan *p, enum plan_op_type type, const char *str, uint64_t arg, struct err *e)
{
	struct plan_op *op = plan_add(p, type);

	if (op == NULL)
		return plan_oom(e);
	op->str = str;
	op->arg = arg;
	return 0;
}

static int begin(struct plan *p, const struct plan_in *in, struct err *e)
{
	(void)in;
	return plan_put(p, PLAN_BEGIN, NULL, 0, e);
}

static int sweep(struct plan *p, const struct plan_in *in, struct err *e)
{
	(void)in;
	return plan_put(p, PLAN_SWEEP, NULL, 0, e);
}

static int sync_go(struct plan *p, const struct plan_in *in, struct err *e)
{
	(void)in;
	return plan_put(p, PLAN_SYNC, NULL, PLAN_SYNC_GO, e);
}

static int sync_hooks(struct plan *p, const struct plan_in *in, struct err *e)
{
	return in->wants_hook_sync ? plan_put(p, PLAN_SYNC, NULL, PLAN_SYNC_HOOKS, e) : 0;
}

static int sync_ready(struct plan *p, const struct plan_in *in, struct err *e)
{
	(void)in;
	return plan_put(p, PLAN_SYNC, NULL, PLAN_SYNC_READY, e);
}

static const plan_step_fn init_steps[] = {
	begin,                   /* nobody may trace us from here on; no inherited signal state */
	plan_ns_user,            /* ids first: whatever is made later is owned by them */
	plan_ns_join,            /* with the rights of the guest, */
	plan_ns_join_user,       /* which end here; before anything acts on the network or IPC */
	plan_ns_net,             /* lo has to be up when hooks configure the network */
	plan_cred_keyring,       /* needs no root directory; must precede labels */
	plan_root_open,          /* overlaps with the parent's cgroup work */
	sync_go,                 /* from here on the limits hold */
	plan_ns_cgroup,          /* its root is the group that the process is in now */
	plan_root_proc,          /* before the container's own mounts could lie about it */
	plan_mount_all,          /* the spec's order */
	plan_dev_all,            /* on the /dev that was just mounted */
	plan_exec_cwd_dir,       /* while the root is still writable */
	sync_hooks,              /* prestart, createRuntime, createContainer: before the pivot */
	plan_root_pivot,         /* the outer view is gone from here on */
	plan_dev_stdio,          /* the terminal comes from the container's devpts */
	plan_root_late_ro,       /* /dev and the root have been filled */
	plan_ns_uts,             /* needs CAP_SYS_ADMIN */
	plan_cred_label,         /* prepared through our own procfs */
	plan_ns_sysctl,          /* before read-only paths */
	plan_root_closed,        /* read-only, then masked: a mask may lie below a read-only path */
	plan_cred_nnp,           /* seccomp without CAP_SYS_ADMIN needs it */
	sweep,                   /* nothing of the guest can be named from here on */
	plan_cred_rlimits,       /* late: a low limit must not break the set-up itself */
	plan_cred_user,          /* reads the container's passwd while root may */
	plan_cred_seccomp_early, /* without no_new_privs loading needs CAP_SYS_ADMIN */
	plan_exec_chdir,         /* as root first: the user may not search the path */
	plan_cred_bounding,      /* needs CAP_SETPCAP */
	plan_cred_ids,           /* stdio owner, groups, gid, uid, then the cwd check */
	plan_cred_caps,          /* after the ids, which clear them */
	plan_exec_lookup,        /* as the user, in the working directory */
	plan_cred_seccomp_late,  /* the last act that can fail */
	sync_ready,              /* created; the next byte is start */
	plan_exec_final,
};

static const plan_step_fn exec_steps[] = {
	begin,
	sync_go,           /* in the cgroup before any namespace: a delete cannot miss us */
	plan_ns_join,      /* with the rights of the guest, */
	plan_ns_join_user, /* which end here */
	plan_root_of_ns,
	plan_root_proc,
	plan_cred_keyring,
	plan_dev_stdio,
	plan_cred_label,
	plan_cred_nnp,
	sweep,
	plan_cred_rlimits,
	plan_cred_user,
	plan_cred_seccomp_early,
	plan_exec_chdir,
	plan_cred_bounding,
	plan_cred_ids,
	plan_cred_caps,
	plan_exec_lookup,
	plan_cred_seccomp_late,
	plan_exec_final,
};

static struct plan *plan_new(const struct plan_in *in)
{
	struct plan *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->arena = ARENA_INIT(ARENA_MAX);
	p->home_at = SIZE_MAX;
	p->report_fd = -EBADF;
	if (in->process != NULL) {
		p->uid = in->process->uid;
		p->gid = in->process->gid;
	}
	return p;
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	free(p->op);
	arena_done(&p->arena);
	free(p);
}

static int build(const struct plan_in *in, const plan_step_fn *steps, size_t n, struct plan **ret,
		 struct err *e)
{
	struct plan *p = plan_new(in);
	int r = 0;

	if (p == NULL)
		return plan_oom(e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = steps[i](p, in, e);
	if (r < 0) {
		plan_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int plan_build_init(const struct plan_in *in, struct plan **ret, struct err *e)
{
	return build(in, init_steps, ARRAY_LEN(init_steps), ret, e);
}

int plan_build_exec(const struct plan_in *in, struct plan **ret, struct err *e)
{
	return build(in, exec_steps, ARRAY_LEN(exec_steps), ret, e);
}

static int add_hook(struct plan *p, const struct plan_in *in, const struct ctr_hook *hook,
		    const char *cwd, struct err *e)
{
	const char **args;
	struct plan_op *op;
	int r = begin(p, in, e);

	if (r == 0)
		r = plan_ns_join(p, in, e);
	if (r == 0)
		r = plan_ns_join_user(p, in, e);
	if (r == 0)
		r = plan_dev_stdio(p, in,
				   e); /* also makes it leader of a group that can be killed */
	if (r == 0)
		r = plan_put(p, PLAN_CHDIR, cwd == NULL ? "/" : cwd, 0, e);
	if (r == 0)
		r = plan_exec_env(p, &hook->env, false, e);
	if (r == 0)
		r = plan_put(p, PLAN_MARK, NULL, 0, e);
	if (r < 0)
		return r;
	op = plan_add(p, PLAN_EXEC);
	args = arena_array(&p->arena, hook->args.n + 2, sizeof(*args));
	if (op == NULL || args == NULL)
		return plan_oom(e);
	for (size_t i = 0; i < hook->args.n; i++)
		args[i] = hook->args.v[i];
	if (hook->args.n == 0)
		args[0] = hook->path;
	op->str = hook->path;
	op->strv = args;
	return 0;
}

int plan_build_hook(const struct plan_in *in, const struct ctr_hook *hook, const char *cwd,
		    struct plan **ret, struct err *e)
{
	struct plan *p = plan_new(in);
	int r = p == NULL ? plan_oom(e) : add_hook(p, in, hook, cwd, e);

	if (r < 0) {
		plan_free(p);
		return r;
	}
	*ret = p;
	return 0;
}
