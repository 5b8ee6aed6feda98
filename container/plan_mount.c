/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of the spec in the plan: targets, what may lie over /proc, and kinds that need care. */
#include <string.h>
#include <sys/mount.h>

#include "base/path.h"
#include "base/str.h"
#include "container/plan_steps.h"

/* Files of procfs that callers replace by views made for the container (lxcfs and the like). */
static const char *const proc_files[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/loadavg",
	"/proc/meminfo",
	"/proc/net/dev",
	"/proc/slabinfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/sys/crypto/fips_enabled",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/uptime",
};

/* File systems with one superblock for many mounts: "ro" must not reach the others. */
static const char *const shared_super[] = {"cgroup", "cgroup2", "devpts", "mqueue",
					   "proc",   "sysfs",   "tmpfs"};

static bool is_one_of(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(list[i], s))
			return true;
	}
	return false;
}

struct plan_mount *plan_mount_add(struct plan *p)
{
	struct plan_mount *m = arena_alloc(&p->arena, sizeof(*m));
	struct plan_op *op = m == NULL ? NULL : plan_add(p, PLAN_MOUNT);

	if (op == NULL)
		return NULL;
	op->mount = m;
	return m;
}

const char *plan_mount_target(struct plan *p, const struct ctr_mount *m)
{
	/* A relative destination is deprecated and means one relative to the root. */
	char *path = arena_printf(&p->arena, "/%s", m->destination);
	size_t size = path == NULL ? 0 : strlen(path) + 2;
	char *clean = path == NULL ? NULL : arena_alloc(&p->arena, size);

	return clean == NULL || path_clean(path, clean, size) < 0 ? NULL : clean;
}

static int check_proc(const struct ctr_mount *in, struct plan_mount *m, struct err *e)
{
	bool bind = plan_mount_is_bind(in);

	if (!path_is_below(m->target, "/proc"))
		return 0;
	m->flags |= PLAN_MNT_PROC_OK;
	if (streq(m->target, "/proc")) {
		if (bind)
			m->flags |= PLAN_MNT_NEED_PROC;
		if (bind || m->flags & PLAN_MNT_REMOUNT || streq(in->type, "proc"))
			return 0;
	} else if (bind && is_one_of(proc_files, ARRAY_LEN(proc_files), m->target)) {
		return 0;
	}
	return err_refuse(e, ERR_INVALID, "mount %s: not allowed on proc", m->target);
}

static int has_key(const struct plan_mount *m, const char *key)
{
	for (size_t i = 0; i < m->n_options; i++) {
		if (streq(m->options[i].key, key))
			return 1;
	}
	return 0;
}

static int bind_source(struct plan *p, const struct plan_in *in, const struct ctr_mount *mount,
		       struct plan_mount *m, struct err *e)
{
	if (str_empty(mount->source))
		return err_refuse(e, ERR_INVALID, "mount %s: no source to bind", m->target);
	m->source = mount->source;
	if (mount->source[0] != '/')
		m->source = arena_printf(&p->arena, "%s/%s", in->bundle, mount->source);
	return m->source == NULL ? plan_oom(e) : 0;
}

/* SELinux: a label for the whole mount, quoted because levels contain commas. */
static int add_context(struct plan *p, const struct plan_in *in, struct plan_mount *m,
		       struct err *e)
{
	static const char *const without[] = {"cgroup", "cgroup2", "mqueue", "proc", "sysfs"};

	if (str_empty(in->spec->mount_label) || is_one_of(without, ARRAY_LEN(without), m->type))
		return 0;
	m->options[m->n_options].key = "context";
	m->options[m->n_options].value = arena_printf(&p->arena, "\"%s\"", in->spec->mount_label);
	return m->options[m->n_options++].value == NULL ? plan_oom(e) : 0;
}

static int add_fs(struct plan *p, const struct plan_in *in, const struct ctr_mount *mount,
		  struct plan_mount *m, struct err *e)
{
	if (str_empty(mount->type))
		return err_refuse(e, ERR_INVALID, "mount %s: no type", m->target);
	m->type = mount->type;
	m->source = str_empty(mount->source) ? NULL : mount->source;
	if (streq(m->type, "sysfs"))
		m->fallback = in->in_userns ? "/sys" : NULL;
	if (streq(m->type, "proc") || streq(m->type, "sysfs"))
		m->flags |= PLAN_MNT_NO_LINKS;
	if (streq(m->type, "tmpfs") && !has_key(m, "mode"))
		m->flags |= PLAN_MNT_INHERIT_MODE;
	if (streq(m->type, "devpts") && in->in_userns)
		m->flags |= PLAN_MNT_GID_FALLBACK;
	if (m->attr_set & MOUNT_ATTR_RDONLY &&
	    !is_one_of(shared_super, ARRAY_LEN(shared_super), m->type)) {
		m->legacy_flags |= MS_RDONLY;
		if (!(m->flags & PLAN_MNT_LEGACY))
			m->options[m->n_options++] = (struct plan_option){"ro", NULL};
	}
	return add_context(p, in, m, e);
}

static int add_mount(struct plan *p, const struct plan_in *in, const struct ctr_mount *mount,
		     struct err *e)
{
	const char *target = plan_mount_target(p, mount);
	struct plan_mount *m = target == NULL ? NULL : plan_mount_add(p);
	int r;

	if (m == NULL)
		return plan_oom(e);
	m->target = target;
	if (path_is_below(target, "/dev"))
		m->flags |= PLAN_MNT_NO_LINKS;
	r = plan_mount_options(p, mount, m, e);
	if (r == 0)
		r = check_proc(mount, m, e);
	if (r < 0)
		return r;
	if (plan_mount_is_late_ro(mount, target))
		m->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (m->flags & PLAN_MNT_REMOUNT)
		return 0;
	if (m->flags & PLAN_MNT_BIND)
		return bind_source(p, in, mount, m, e);
	if (mount->type != NULL && (streq(mount->type, "cgroup") || streq(mount->type, "cgroup2")))
		return plan_mount_cgroup(p, in, mount, m, e);
	return add_fs(p, in, mount, m, e);
}

int plan_mount_all(struct plan *p, const struct plan_in *in, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->spec->n_mounts; i++)
		r = add_mount(p, in, &in->spec->mounts[i], e);
	return r;
}
