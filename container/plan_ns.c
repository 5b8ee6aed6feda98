/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces in the plan: joins, what a new one needs, host name, and sysctls by namespace. */
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "base/str.h"
#include "container/plan_steps.h"

/* A group list may be set in a user namespace whose maps a privileged parent wrote: always ours. */
int plan_ns_user(struct plan *p, const struct plan_in *in, struct err *e)
{
	int r;

	if (!in->ns_new[CTR_NS_USER])
		return 0;
	r = plan_put(p, PLAN_SYNC, NULL, PLAN_SYNC_IDMAP, e);
	return r < 0 ? r : plan_put(p, PLAN_BECOME_ROOT, NULL, 1, e);
}

static int join(struct plan *p, int fd, uint64_t flag, struct err *e)
{
	struct plan_op *op;

	if (fd < 0)
		return 0;
	op = plan_add(p, PLAN_SETNS);
	if (op == NULL)
		return plan_oom(e);
	op->fd = fd;
	op->arg = flag;
	return 0;
}

/* The guest's rights reach into every namespace, so all are entered before the user namespace. */
int plan_ns_join(struct plan *p, const struct plan_in *in, struct err *e)
{
	int r = join(p, in->ns_fd[CTR_NS_IPC], CLONE_NEWIPC, e);

	if (r == 0)
		r = join(p, in->ns_fd[CTR_NS_UTS], CLONE_NEWUTS, e);
	if (r == 0)
		r = join(p, in->ns_fd[CTR_NS_NET], CLONE_NEWNET, e);
	if (r == 0)
		r = join(p, in->ns_fd[CTR_NS_CGROUP], CLONE_NEWCGROUP, e);
	/* Last: paths mean something else afterwards. */
	return r < 0 ? r : join(p, in->ns_fd[CTR_NS_MOUNT], CLONE_NEWNS, e);
}

/* What is new in a joined user namespace is made after entering it, or the guest would own it. */
int plan_ns_join_user(struct plan *p, const struct plan_in *in, struct err *e)
{
	uint64_t flags = (in->ns_new[CTR_NS_MOUNT] ? CLONE_NEWNS : 0) |
			 (in->ns_new[CTR_NS_IPC] ? CLONE_NEWIPC : 0) |
			 (in->ns_new[CTR_NS_UTS] ? CLONE_NEWUTS : 0) |
			 (in->ns_new[CTR_NS_NET] ? CLONE_NEWNET : 0);
	int r;

	if (in->ns_fd[CTR_NS_USER] < 0)
		return 0;
	r = join(p, in->ns_fd[CTR_NS_USER], CLONE_NEWUSER, e);
	if (r == 0)
		r = plan_put(p, PLAN_BECOME_ROOT, NULL, 1, e);
	return r < 0 || flags == 0 ? r : plan_put(p, PLAN_UNSHARE, NULL, flags, e);
}

int plan_ns_net(struct plan *p, const struct plan_in *in, struct err *e)
{
	return in->ns_new[CTR_NS_NET] ? plan_put(p, PLAN_LOOPBACK, NULL, 0, e) : 0;
}

int plan_ns_cgroup(struct plan *p, const struct plan_in *in, struct err *e)
{
	return in->ns_new[CTR_NS_CGROUP] ? plan_put(p, PLAN_UNSHARE, NULL, CLONE_NEWCGROUP, e) : 0;
}

static int name(struct plan *p, enum plan_op_type type, const char *value, struct err *e)
{
	struct plan_op *op;

	if (str_empty(value))
		return 0;
	op = plan_add(p, type);
	if (op == NULL)
		return plan_oom(e);
	op->str = value;
	op->n = strlen(value);
	return 0;
}

int plan_ns_uts(struct plan *p, const struct plan_in *in, struct err *e)
{
	int r = name(p, PLAN_HOSTNAME, in->spec->hostname, e);

	return r < 0 ? r : name(p, PLAN_DOMAINNAME, in->spec->domainname, e);
}

static bool is_private(const struct plan_in *in, enum ctr_ns_type type)
{
	return ctr_spec_namespace(in->spec, type) != NULL;
}

static int sysctl_allowed(const struct plan_in *in, const char *path)
{
	static const char *const ipc[] = {"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
					  "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
					  "kernel/shmmni", "kernel/shm_rmid_forced"};

	for (size_t i = 0; i < ARRAY_LEN(ipc); i++) {
		if (streq(path, ipc[i]))
			return is_private(in, CTR_NS_IPC);
	}
	if (str_starts(path, "fs/mqueue/"))
		return is_private(in, CTR_NS_IPC);
	if (str_starts(path, "net/")) /* the guest's network is the pod's own */
		return in->is_agent || is_private(in, CTR_NS_NET);
	if (streq(path, "kernel/domainname"))
		return is_private(in, CTR_NS_UTS);
	if (str_starts(path, "user/"))
		return in->ns_new[CTR_NS_USER];
	return 0;
}

int plan_sysctl_path(const struct plan_in *in, const char *key, char *buf, size_t size,
		     struct err *e)
{
	const char *first = strpbrk(key, "./");
	bool swap = first != NULL && *first == '.';
	struct slice rest, part;

	if (str_copy(buf, size, key) < 0 || key[0] == '\0')
		return err_refuse(e, ERR_INVALID, "sysctl: the key is empty or too long");
	/* "net.ipv4.x" or "net/ipv4/x": with dots first, the two separators change places. */
	for (char *c = buf; swap && *c != '\0'; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	rest = slice_of(buf);
	while (slice_cut(&rest, '/', &part)) {
		if (part.n == 0 || slice_eq(part, "..") || slice_eq(part, "."))
			return err_refuse(e, ERR_INVALID, "sysctl \"%s\": bad key", key);
	}
	if (streq(buf, "kernel/hostname"))
		return err_refuse(e, ERR_INVALID, "sysctl \"%s\": use hostname instead", key);
	if (!sysctl_allowed(in, buf))
		return err_refuse(e, ERR_INVALID,
				  "sysctl \"%s\" is not in a separate kernel namespace", key);
	return 0;
}

int plan_ns_sysctl(struct plan *p, const struct plan_in *in, struct err *e)
{
	for (size_t i = 0; i < in->spec->sysctl.n; i++) {
		const struct ctr_kv *kv = &in->spec->sysctl.v[i];
		char path[512];
		struct plan_op *op;
		int r = plan_sysctl_path(in, kv->key, path, sizeof(path), e);

		if (r < 0)
			return r;
		op = plan_add(p, PLAN_PROC_WRITE);
		if (op == NULL)
			return plan_oom(e);
		op->str = arena_printf(&p->arena, "sys/%s", path);
		op->str2 = kv->value;
		if (op->str == NULL)
			return plan_oom(e);
	}
	return 0;
}
