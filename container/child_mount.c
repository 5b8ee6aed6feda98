/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mount of the spec, for the child: the tree or file system is made detached, given its flags
 * while nobody can see it, attached to the very directory that was resolved, and then looked up
 * once more, so that a directory swapped meanwhile is noticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "container/child_ops.h"

static int is_procfs(int fd, int *ret_is_root)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	*ret_is_root = fstat(fd, &st) == 0 && st.st_ino == 1; /* PROC_ROOT_INO, proc(5) */
	return 1;
}

/* Octal digits for mode=. @buf: 8 bytes */
static const char *octal(char *buf, unsigned mode)
{
	char *p = buf + 7;

	*p = '\0';
	do
		*--p = (char)('0' + mode % 8);
	while ((mode /= 8) > 0 && p > buf);
	return p;
}

static int fs_option(int fs, const char *key, const char *value)
{
	unsigned cmd = value == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;

	return fsconfig(fs, cmd, key, value, 0) < 0 ? -errno : 0;
}

static int fs_configure(struct child *c, const struct plan_mount *m, int fs, int target,
			int without_gid)
{
	struct stat st;
	char mode[8];
	int r = 0;

	if (m->source != NULL)
		r = fs_option(fs, "source", m->source);
	if (r < 0)
		return child_fail(c, PLAN_STEP_SOURCE, r);
	for (size_t i = 0; i < m->n_options; i++) {
		if (without_gid && strcmp(m->options[i].key, "gid") == 0)
			continue;
		r = fs_option(fs, m->options[i].key, m->options[i].value);
		if (r < 0) {
			c->detail = (uint32_t)i;
			return child_fail(c, PLAN_STEP_OPTION, r);
		}
	}
	if (m->flags & PLAN_MNT_INHERIT_MODE && fstat(target, &st) == 0)
		r = fs_option(fs, "mode", octal(mode, st.st_mode & 07777));
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	return r;
}

/* Return: the fd of a new, detached mount. */
static int new_fs(struct child *c, const struct plan_mount *m, int target, int without_gid)
{
	int fs = fsopen(m->type, FSOPEN_CLOEXEC), mnt, r;

	if (fs < 0)
		return -errno;
	r = fs_configure(c, m, fs, target, without_gid);
	if (r < 0) {
		(void)close(fs);
		return r;
	}
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)m->attr_set);
	r = mnt < 0 ? -errno : mnt;
	(void)close(fs);
	return r;
}

/* mount(2) onto the resolved directory, for values that fsconfig(2) cannot carry (256 bytes). */
static int legacy_fs(struct child *c, const struct plan_mount *m, int target)
{
	char path[CHILD_PROC_PATH];
	int mnt, is_root = 0, r;

	if (mount(m->source, child_proc_path(path, target), m->type, m->legacy_flags, m->data) < 0)
		return -errno;
	mnt = child_open_in(c->root, m->target, O_PATH, 0);
	if (mnt < 0)
		return mnt;
	if (child_mount_id(mnt, &is_root) == child_mount_id(target, NULL) || !is_root)
		r = child_fail(c, PLAN_STEP_RACED, -EAGAIN);
	else
		r = child_remount(mnt, m->attr_set, m->attr_clear, 0, 0);
	if (r < 0) {
		(void)close(mnt);
		return r;
	}
	return mnt;
}

static int bind_tree(struct child *c, const char *source, int recursive)
{
	int fd = child_clone_tree(AT_FDCWD, source, recursive ? AT_RECURSIVE : 0);

	return fd < 0 ? child_fail(c, PLAN_STEP_SOURCE, fd) : fd;
}

static int check_target(struct child *c, const struct plan_mount *m, int source, int target)
{
	struct stat at, root;
	int proc_root = 0;

	if (fstat(target, &at) < 0 || fstat(c->root, &root) < 0)
		return -errno;
	if (at.st_dev == root.st_dev && at.st_ino == root.st_ino &&
	    child_mount_id(target, NULL) == child_mount_id(c->root, NULL))
		return child_fail(c, PLAN_STEP_TARGET, -EBUSY); /* the root itself */
	if (is_procfs(target, &proc_root) && !(m->flags & PLAN_MNT_PROC_OK))
		return child_fail(c, PLAN_STEP_PROTECTED, -EPERM);
	proc_root = 0;
	if (m->flags & PLAN_MNT_NEED_PROC && !(is_procfs(source, &proc_root) && proc_root))
		return child_fail(c, PLAN_STEP_PROTECTED, -EPERM);
	return 0;
}

/* Makes what is to be attached. Return: fd; *ret_attached: mount(2) has done it already. */
static int make_mount(struct child *c, const struct plan_mount *m, int target, int *ret_attached)
{
	int mnt;

	if (m->flags & PLAN_MNT_LEGACY) {
		*ret_attached = 1;
		return legacy_fs(c, m, target);
	}
	mnt = new_fs(c, m, target, 0);
	if (mnt == -EINVAL && m->flags & PLAN_MNT_GID_FALLBACK)
		mnt = new_fs(c, m, target, 1);
	if ((mnt == -EPERM || mnt == -EBUSY) && m->fallback != NULL) {
		int r;

		c->step = PLAN_STEP_NONE;
		mnt = bind_tree(c, m->fallback, 1);
		r = mnt < 0 ? mnt : child_remount(mnt, m->attr_set, 0, 0, 1);
		if (mnt >= 0 && r < 0) {
			(void)close(mnt);
			return r;
		}
	}
	return mnt;
}

static int finish(struct child *c, const struct plan_mount *m, int mnt, int target, int attached)
{
	int r = 0, again;

	if (m->flags & PLAN_MNT_BIND)
		r = child_remount(mnt, m->attr_set, m->attr_clear, 0, 0);
	if (r < 0)
		return child_fail(c, PLAN_STEP_ATTRS, r);
	if (!attached)
		r = child_attach(mnt, target);
	if (r < 0)
		return child_fail(c, PLAN_STEP_ATTACH, r);
	again = child_open_in(c->root, m->target, O_PATH, 0);
	if (again < 0)
		return child_fail(c, PLAN_STEP_RACED, again);
	if (child_mount_id(again, NULL) != child_mount_id(mnt, NULL))
		r = child_fail(c, PLAN_STEP_RACED, -EAGAIN);
	(void)close(again);
	for (size_t i = 0; r == 0 && i < m->n_propagation; i++) {
		uint64_t how = m->propagation[i];

		r = child_remount(mnt, 0, 0, how & ~(uint64_t)MS_REC, (how & MS_REC) != 0);
		if (r < 0)
			return child_fail(c, PLAN_STEP_PROPAGATION, r);
	}
	if (r == 0) {
		r = child_remount(mnt, m->rec_attr_set, m->rec_attr_clear, 0, 1);
		if (r < 0)
			return child_fail(c, PLAN_STEP_ATTRS, r);
	}
	return r;
}

static int remount(struct child *c, const struct plan_mount *m)
{
	int fd = child_open_in(c->root, m->target, O_PATH, 0), r;

	if (fd < 0)
		return child_fail(c, PLAN_STEP_TARGET, fd);
	r = child_remount(fd, m->attr_set, m->attr_clear, 0, 0);
	(void)close(fd);
	return r;
}

int child_mount(struct child *c, const struct plan_mount *m)
{
	int source = -EBADF, target, mnt, is_dir = 1, attached = 0, r;
	struct stat st;

	if (m->flags & PLAN_MNT_REMOUNT)
		return remount(c, m);
	if (m->flags & PLAN_MNT_BIND) {
		source = bind_tree(c, m->source, (m->flags & PLAN_MNT_REC) != 0);
		if (source == -ENOENT && m->flags & PLAN_MNT_OPTIONAL)
			return 0;
		if (source < 0)
			return source;
		if (fstat(source, &st) < 0)
			return child_fail(c, PLAN_STEP_SOURCE, -errno);
		is_dir = S_ISDIR(st.st_mode);
	}
	target = child_make_target(c->root, m->target, is_dir, (m->flags & PLAN_MNT_NO_LINKS) != 0);
	if (target < 0)
		return child_fail(c, PLAN_STEP_TARGET, target);
	r = check_target(c, m, source, target);
	if (r < 0)
		return r;
	mnt = source >= 0 ? source : make_mount(c, m, target, &attached);
	if (mnt < 0)
		return mnt;
	r = finish(c, m, mnt, target, attached);
	(void)close(mnt);
	(void)close(target);
	return r;
}
