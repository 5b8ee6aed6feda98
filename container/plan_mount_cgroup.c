/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup mount in the plan. A container sees its own group and nothing above it: through its
 * cgroup namespace, or by a bind of that group where it has none.
 */
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "container/plan_steps.h"

#define OUTER "/sys/fs/cgroup"

static const char *hierarchy_dir(const char *controllers)
{
	return str_starts(controllers, "name=") ? controllers + 5 : controllers;
}

static int v2(struct plan *p, const struct plan_in *in, struct plan_mount *m, struct err *e)
{
	const char *own = arena_printf(&p->arena, "%s%s", OUTER, in->cgroup_path);

	if (own == NULL)
		return plan_oom(e);
	m->n_options = 0; /* the first mount of the hierarchy has decided them */
	if (ctr_spec_namespace(in->spec, CTR_NS_CGROUP) != NULL) {
		m->type = "cgroup2";
		m->source = "cgroup";
		m->fallback = own;
		return 0;
	}
	m->flags |= PLAN_MNT_BIND | PLAN_MNT_REC;
	m->source = own;
	return 0;
}

/* A hierarchy of its own directory below the tmpfs at @top. */
static int v1_hierarchy(struct plan *p, const struct plan_in *in, const struct plan_mount *top,
			const char *controllers, struct err *e)
{
	struct plan_mount *m = plan_mount_add(p);
	struct slice rest = slice_of(controllers), part;

	if (m == NULL)
		return plan_oom(e);
	m->attr_set = top->attr_set;
	m->flags = top->flags & PLAN_MNT_NO_LINKS;
	m->target = arena_printf(&p->arena, "%s/%s", top->target, hierarchy_dir(controllers));
	m->options = arena_array(&p->arena, strlen(controllers) + 2, sizeof(*m->options));
	if (m->target == NULL || m->options == NULL)
		return plan_oom(e);
	if (ctr_spec_namespace(in->spec, CTR_NS_CGROUP) == NULL) {
		/* The container need not have a group in each: some are only for bookkeeping. */
		m->flags |= PLAN_MNT_BIND | PLAN_MNT_OPTIONAL;
		m->source = arena_printf(&p->arena, "%s/%s%s", OUTER, hierarchy_dir(controllers),
					 in->cgroup_path);
		return m->source == NULL ? plan_oom(e) : 0;
	}
	m->type = "cgroup";
	m->source = "cgroup";
	if (str_starts(controllers, "name=")) {
		m->options[m->n_options++] = (struct plan_option){"none", NULL};
		m->options[m->n_options++] = (struct plan_option){"name", controllers + 5};
		return 0;
	}
	while (slice_cut(&rest, ',', &part)) {
		const char *name = arena_dup_n(&p->arena, part.p, part.n);

		if (name == NULL)
			return plan_oom(e);
		m->options[m->n_options++] = (struct plan_option){name, NULL};
	}
	return 0;
}

/* "cpu" and "cpuacct" point at "cpu,cpuacct": programs look for the single names. */
static int v1_links(struct plan *p, const struct plan_mount *top, const char *controllers,
		    struct err *e)
{
	struct slice rest = slice_of(controllers), part;

	if (strchr(controllers, ',') == NULL)
		return 0;
	while (slice_cut(&rest, ',', &part)) {
		struct plan_op *op = plan_add(p, PLAN_SYMLINK);

		if (op == NULL)
			return plan_oom(e);
		op->str = arena_printf(&p->arena, "%s/%.*s", top->target, (int)part.n, part.p);
		op->str2 = controllers;
		if (op->str == NULL)
			return plan_oom(e);
	}
	return 0;
}

static int v1(struct plan *p, const struct plan_in *in, struct plan_mount *m, struct err *e)
{
	static struct plan_option mode[] = {{"mode", "755"}};
	bool read_only = (m->attr_set & MOUNT_ATTR_RDONLY) != 0;
	struct plan_mount top;
	int r = 0;

	m->attr_set |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	top = *m; /* the pieces take its flags, read-only included */
	m->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	m->type = "tmpfs";
	m->source = "cgroup";
	m->options = mode;
	m->n_options = ARRAY_LEN(mode);
	for (const char *const *c = in->cgroup_v1; r == 0 && c != NULL && *c != NULL; c++) {
		r = v1_hierarchy(p, in, &top, *c, e);
		if (r == 0)
			r = v1_links(p, &top, *c, e);
	}
	return r < 0 || !read_only ? r : plan_put(p, PLAN_READ_ONLY, top.target, 0, e);
}

int plan_mount_cgroup(struct plan *p, const struct plan_in *in, const struct ctr_mount *mount,
		      struct plan_mount *m, struct err *e)
{
	if (in->cgroup_v2)
		return v2(p, in, m, e);
	if (streq(mount->type, "cgroup2"))
		return err_refuse(e, ERR_INVALID, "mount %s: there is no cgroup2 on this system",
				  m->target);
	return v1(p, in, m, e);
}
