/* SPDX-License-Identifier: Apache-2.0 */
/* Identity and rights of the process in the plan: keyring, labels, limits, ids, capabilities, seccomp. */
#include <linux/seccomp.h>
#include <string.h>
#include <sys/resource.h>

#include "base/str.h"
#include "base/table.h"
#include "container/plan_steps.h"
#include "container/seccomp.h"

/* keyctl_setperm(3): possessor all, owner view, read, link and search, so that an exec can join. */
#define KEY_PERM      0x3f1b0000U
#define KEY_PERM_USER 0x3f130008U /* across a user namespace: others may search instead */

static const struct table_entry rlimits[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

int plan_rlimit_number(const char *type)
{
	const struct table_entry *t = table_find(rlimits, ARRAY_LEN(rlimits), type);

	return t == NULL ? -1 : (int)t->value;
}

int plan_cred_keyring(struct plan *p, const struct plan_in *in, struct err *e)
{
	const char *name = arena_printf(&p->arena, "_ses.%s", in->id);

	if (name == NULL)
		return plan_oom(e);
	return plan_put(p, PLAN_KEYRING, name, in->in_userns ? KEY_PERM_USER : KEY_PERM, e);
}

int plan_cred_label(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct plan_op *op;

	if (str_empty(in->process->apparmor_profile) || !in->has_apparmor)
		return 0;
	op = plan_add(p, PLAN_PROC_WRITE);
	if (op == NULL)
		return plan_oom(e);
	op->str = "thread-self/attr/apparmor/exec";
	op->str2 = arena_printf(&p->arena, "exec %s", in->process->apparmor_profile);
	return op->str2 == NULL ? plan_oom(e) : 0;
}

int plan_cred_nnp(struct plan *p, const struct plan_in *in, struct err *e)
{
	return in->no_new_privs ? plan_put(p, PLAN_NO_NEW_PRIVS, NULL, 0, e) : 0;
}

static int add_rlimit(struct plan *p, const char *name, uint64_t soft, uint64_t hard, struct err *e)
{
	struct plan_op *op = plan_add(p, PLAN_RLIMIT);

	if (op == NULL)
		return plan_oom(e);
	op->str = name;
	op->arg = (uint64_t)plan_rlimit_number(name);
	op->arg2 = soft;
	op->arg3 = hard;
	return 0;
}

int plan_cred_rlimits(struct plan *p, const struct plan_in *in, struct err *e)
{
	bool has_nofile = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->process->n_rlimits; i++) {
		const struct ctr_rlimit *l = &in->process->rlimits[i];

		has_nofile = has_nofile || streq(l->type, "RLIMIT_NOFILE");
		r = add_rlimit(p, l->type, l->soft, l->hard, e);
	}
	/* What the host program raised for itself must not leak. */
	if (r == 0 && !has_nofile && in->boot_nofile_hard > 0)
		r = add_rlimit(p, "RLIMIT_NOFILE", in->boot_nofile_soft, in->boot_nofile_hard, e);
	return r;
}

static bool has_home(const struct ctr_strv *env)
{
	bool has = false;

	for (size_t i = 0; i < env->n; i++) {
		if (str_starts(env->v[i], "HOME="))
			has = env->v[i][5] != '\0';
	}
	return has;
}

/* Also puts the environment together: HOME comes from the same file as the ids. */
int plan_cred_user(struct plan *p, const struct plan_in *in, struct err *e)
{
	const struct ctr_process_spec *proc = in->process;
	bool wants_home = !has_home(&proc->env);
	int r = plan_exec_env(p, &proc->env, wants_home, e);

	if (r < 0)
		return r;
	if (!wants_home && str_empty(proc->username))
		return 0;
	return plan_put(p, PLAN_USER, str_empty(proc->username) ? NULL : proc->username, 0, e);
}

static int add_seccomp(struct plan *p, const struct ctr_bpf *bpf, struct err *e)
{
	struct plan_op *op = plan_add(p, PLAN_SECCOMP);

	if (op == NULL)
		return plan_oom(e);
	op->insns = bpf->insns;
	op->n = bpf->n;
	op->arg = bpf->flags;
	return 0;
}

int plan_cred_seccomp_early(struct plan *p, const struct plan_in *in, struct err *e)
{
	return in->bpf != NULL && !in->no_new_privs ? add_seccomp(p, in->bpf, e) : 0;
}

int plan_cred_seccomp_late(struct plan *p, const struct plan_in *in, struct err *e)
{
	return in->bpf != NULL && in->no_new_privs ? add_seccomp(p, in->bpf, e) : 0;
}

int plan_cred_bounding(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct plan_op *op = plan_add(p, PLAN_BOUNDING);

	if (op == NULL)
		return plan_oom(e);
	op->arg = in->caps[CTR_CAP_BOUNDING];
	op->n = in->n_caps;
	return 0;
}

int plan_cred_ids(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct plan_op *op;
	int r = plan_put(p, PLAN_STDIO_OWNER, NULL, 0, e);

	if (r < 0)
		return r;
	op = plan_add(p, PLAN_GROUPS);
	if (op == NULL)
		return plan_oom(e);
	op->ids = in->process->gids;
	op->n = in->process->n_gids;
	r = plan_put(p, PLAN_IDS, NULL, 0, e);
	return r < 0 ? r : plan_put(p, PLAN_CWD, in->process->cwd, 0, e);
}

int plan_cred_caps(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct plan_op *op = plan_add(p, PLAN_CAPS);

	if (op == NULL)
		return plan_oom(e);
	op->arg = in->caps[CTR_CAP_EFFECTIVE];
	op->arg2 = in->caps[CTR_CAP_PERMITTED];
	op->arg3 = in->caps[CTR_CAP_INHERITABLE];
	return plan_put(p, PLAN_AMBIENT, NULL, in->caps[CTR_CAP_AMBIENT], e);
}
