/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, the links below /dev, and the standard streams in the plan. */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/path.h"
#include "base/str.h"
#include "container/plan_steps.h"

struct default_device {
	const char *path;
	unsigned major, minor;
};

struct default_link {
	const char *path, *to;
	bool if_exists;
};

/* OCI runtime-spec config-linux.md, "Default Devices"; numbers: admin-guide/devices.txt. */
static const struct default_device default_devices[] = {
	{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
	{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

static const struct default_link default_links[] = {
	{"/dev/fd", "/proc/self/fd", false},       {"/dev/stdin", "/proc/self/fd/0", false},
	{"/dev/stdout", "/proc/self/fd/1", false}, {"/dev/stderr", "/proc/self/fd/2", false},
	{"/dev/core", "/proc/kcore", true},
};

static int add_device(struct plan *p, const struct plan_device *d, struct err *e)
{
	struct plan_device *copy = arena_alloc(&p->arena, sizeof(*copy));
	struct plan_op *op = copy == NULL ? NULL : plan_add(p, PLAN_DEVICE);

	if (op == NULL)
		return plan_oom(e);
	*copy = *d;
	op->device = copy;
	return 0;
}

static uint32_t type_bits(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

static uint32_t number(int64_t v, uint32_t otherwise)
{
	return v == CTR_UNSET ? otherwise : (uint32_t)v;
}

static int spec_device(struct plan *p, const struct plan_in *in, const struct ctr_device *d,
		       struct err *e)
{
	struct plan_device out = {
		.mode = type_bits(d->type) | (number(d->mode, 0666) & 07777),
		.uid = number(d->uid, 0),
		.gid = number(d->gid, 0),
	};
	size_t size = strlen(d->path) + 2;
	char *path = arena_alloc(&p->arena, size);

	if (path == NULL)
		return plan_oom(e);
	if (d->path[0] != '/' || path_clean(d->path, path, size) < 0 || streq(path, "/"))
		return err_refuse(e, ERR_INVALID, "device \"%s\": the path is not absolute",
				  d->path);
	if (in->is_agent && !path_is_below(path, "/dev"))
		return err_refuse(e, ERR_INVALID, "device %s: not below /dev", d->path);
	out.path = path;
	if (d->type != 'p')
		out.rdev = makedev((unsigned)d->major, (unsigned)d->minor);
	return add_device(p, &out, e);
}

static bool is_overridden(const struct plan_in *in, const char *path)
{
	for (size_t i = 0; i < in->spec->n_devices; i++) {
		if (streq(in->spec->devices[i].path, path))
			return true;
	}
	return false;
}

/* A /dev that is bound from outside comes with its nodes; ours would appear there too. */
static bool dev_is_bound(struct plan *p, const struct plan_in *in)
{
	for (size_t i = 0; i < in->spec->n_mounts; i++) {
		const char *target = plan_mount_target(p, &in->spec->mounts[i]);

		if (target != NULL && streq(target, "/dev") &&
		    plan_mount_is_bind(&in->spec->mounts[i]))
			return true;
	}
	return false;
}

static int add_link(struct plan *p, const struct default_link *l, bool replace, struct err *e)
{
	struct plan_op *op = plan_add(p, PLAN_SYMLINK);

	if (op == NULL)
		return plan_oom(e);
	op->str = l->path;
	op->str2 = l->to;
	op->arg = replace;
	op->arg2 = l->if_exists;
	return 0;
}

int plan_dev_all(struct plan *p, const struct plan_in *in, struct err *e)
{
	static const struct default_link ptmx = {"/dev/ptmx", "pts/ptmx", false};
	int r = 0;

	if (dev_is_bound(p, in))
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(default_devices); i++) {
		const struct default_device *d = &default_devices[i];
		struct plan_device out = {.path = d->path,
					  .mode = S_IFCHR | 0666,
					  .rdev = makedev(d->major, d->minor)};

		if (!is_overridden(in, d->path))
			r = add_device(p, &out, e);
	}
	for (size_t i = 0; r == 0 && i < in->spec->n_devices; i++)
		r = spec_device(p, in, &in->spec->devices[i], e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(default_links); i++)
		r = add_link(p, &default_links[i], false, e);
	return r < 0 ? r : add_link(p, &ptmx, true, e);
}

int plan_dev_stdio(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct plan_op *op;
	int r = plan_put(p, PLAN_SESSION, NULL, 0, e);

	if (r < 0)
		return r;
	if (in->process != NULL && in->process->terminal) {
		op = plan_add(p, PLAN_CONSOLE);
		if (op == NULL)
			return plan_oom(e);
		op->arg = in->process->rows;
		op->arg2 = in->process->columns;
		op->arg3 = in->wants_console;
		return 0;
	}
	for (int fd = 0; fd < 3; fd++) {
		op = plan_add(p, PLAN_STDIO);
		if (op == NULL)
			return plan_oom(e);
		/* dup3 onto itself fails, and onto a later source would lose it. */
		if ((in->stdio[fd] >= 0 && in->stdio[fd] < 3) || in->null_fd < 3)
			return err_set(e, -EBADF, "standard stream %d", fd);
		op->fd = in->stdio[fd];
		op->fd2 = in->null_fd;
		op->arg = (uint64_t)fd;
	}
	return 0;
}
