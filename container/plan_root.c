/* SPDX-License-Identifier: Apache-2.0 */
/* The root file system in the plan: opening, entering, and closing off parts of it. */
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "container/plan_steps.h"

struct propagation {
	const char *name;
	uint64_t flags;
};

static const struct propagation propagations[] = {
	{"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
	{"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
	{"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
	{"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

static uint64_t root_propagation(const struct ctr_spec *s)
{
	for (size_t i = 0; i < ARRAY_LEN(propagations); i++) {
		if (s->rootfs_propagation != NULL &&
		    streq(s->rootfs_propagation, propagations[i].name))
			return propagations[i].flags;
	}
	return MS_SLAVE | MS_REC;
}

static bool has_mount_ns(const struct plan_in *in)
{
	return ctr_spec_namespace(in->spec, CTR_NS_MOUNT) != NULL;
}

/* Shared and unbindable are for the container's root only: outside they would hit the guest. */
static bool is_for_inside(uint64_t flags)
{
	return (flags & (MS_SHARED | MS_UNBINDABLE)) != 0;
}

int plan_root_open(struct plan *p, const struct plan_in *in, struct err *e)
{
	uint64_t flags = root_propagation(in->spec);
	struct plan_op *op;
	int r;

	/* A shared tree stays shared until the volumes are bound: rshared ones need their peers. */
	r = plan_put(p, PLAN_PROPAGATE, NULL, flags & MS_UNBINDABLE ? MS_SLAVE | MS_REC : flags, e);
	if (r == 0 && flags & MS_SHARED)
		r = plan_put(p, PLAN_PARENT_PRIVATE, in->spec->root_path, MS_PRIVATE, e);
	if (r < 0)
		return r;
	op = plan_add(p, PLAN_ROOT_OPEN);
	if (op == NULL)
		return plan_oom(e);
	op->str = in->spec->root_path;
	op->arg = has_mount_ns(in);
	op->arg2 = in->spec->masked_paths.n > 0;
	return 0;
}

int plan_root_of_ns(struct plan *p, const struct plan_in *in, struct err *e)
{
	(void)in;
	return plan_put(p, PLAN_ROOT_OPEN, "/", 0, e);
}

int plan_root_proc(struct plan *p, const struct plan_in *in, struct err *e)
{
	bool labels = in->has_apparmor && !str_empty(in->process->apparmor_profile);

	return labels || in->spec->sysctl.n > 0 ? plan_put(p, PLAN_PROC_OPEN, NULL, 0, e) : 0;
}

int plan_root_pivot(struct plan *p, const struct plan_in *in, struct err *e)
{
	uint64_t flags = root_propagation(in->spec);
	struct plan_op *op = plan_add(p, PLAN_PIVOT);

	if (op == NULL)
		return plan_oom(e);
	op->arg = in->must_move_root  ? PLAN_MOVE
		  : in->may_move_root ? PLAN_PIVOT_OR_MOVE
				      : PLAN_PIVOT_ONLY;
	op->strv = op->arg == PLAN_PIVOT_ONLY ? NULL : in->hide;
	return is_for_inside(flags) ? plan_put(p, PLAN_PROPAGATE, NULL, flags, e) : 0;
}

int plan_root_late_ro(struct plan *p, const struct plan_in *in, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->spec->n_mounts; i++) {
		const struct ctr_mount *m = &in->spec->mounts[i];
		const char *path = plan_mount_target(p, m);

		if (path == NULL)
			return plan_oom(e);
		if (plan_mount_is_late_ro(m, path))
			r = plan_put(p, PLAN_READ_ONLY, path, 0, e);
	}
	if (r == 0 && in->spec->root_readonly)
		r = plan_put(p, PLAN_READ_ONLY, "/", 0, e);
	return r;
}

int plan_root_closed(struct plan *p, const struct plan_in *in, struct err *e)
{
	const struct ctr_strv *ro = &in->spec->readonly_paths, *masked = &in->spec->masked_paths;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ro->n; i++)
		r = plan_put(p, PLAN_PATH_READ_ONLY, ro->v[i], 0, e);
	for (size_t i = 0; r == 0 && i < masked->n; i++)
		r = plan_put(p, PLAN_PATH_MASK, masked->v[i], 0, e);
	return r;
}
