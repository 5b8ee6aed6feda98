/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and mounts of storages, in a worker. Knows no driver and no reference count. */
#include "agent/storage_mount.h"

#include <fcntl.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/mount_opts.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#define ROOTLESS_PREFIX "/run/user/"

/* The run directory with the prefix in front. */
#define AREA_MAX 512

/* File systems that hosts send. No other: a fuse type would run a program of its image. */
static const char *const allowed_types[] = {
	"9p",       "btrfs",     "erofs",   "ext2",     "ext3",    "ext4",
	"f2fs",     "hugetlbfs", "iso9660", "ntfs3",    "overlay", "ramfs",
	"squashfs", "tmpfs",     "vfat",    "virtiofs", "xfs",
};

/* The length of the area that a clean path lies in; 0: none. */
static size_t area_of(const struct storage_env *env, const char *path)
{
	const char *p = path;
	size_t n;

	if (str_starts(p, ROOTLESS_PREFIX)) {
		size_t digits;

		p += strlen(ROOTLESS_PREFIX);
		digits = strspn(p, "0123456789");
		if (digits == 0 || digits > 10 || str_starts(p, "0"))
			return 0;
		p += digits;
	}
	n = strlen(env->run);
	if (strncmp(p, env->run, n) != 0 || p[n] != '/')
		return 0;
	n += (size_t)(p - path);
	return n < AREA_MAX ? n : 0;
}

int storage_path_clean(const struct storage_env *env, const char *path, char *buf, size_t size,
		       struct err *e)
{
	struct slice rest = slice_of(path), part;
	size_t n = 0;

	if (path[0] != '/')
		return err_set(e, -EINVAL, "path '%.200s' is not absolute", path);

	while (slice_cut(&rest, '/', &part)) {
		if (part.n == 0)
			continue;
		if (slice_eq(part, ".") || slice_eq(part, "..") || part.n > NAME_MAX)
			return err_set(e, -EINVAL, "path '%.200s'", path);
		if (n + part.n + 2 > size || n + part.n + 2 > PATH_MAX)
			return err_set(e, -ENAMETOOLONG, "path '%.200s'", path);
		buf[n++] = '/';
		memcpy(buf + n, part.p, part.n);
		n += part.n;
	}
	buf[n] = '\0';

	if (area_of(env, buf) == 0)
		return err_set(e, -EINVAL, "path '%.200s' is not below '%s'", path, env->run);
	return 0;
}

/* Opens one part below @fd, making it when it is missing. Return: O_PATH fd or -errno. */
static int step_into(int fd, const char *name, mode_t mode)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int next;

	next = openat(fd, name, flags);
	if (next >= 0 || errno != ENOENT)
		return next >= 0 ? next : -errno;
	if (mkdirat(fd, name, mode) < 0 && errno != EEXIST && errno != ENOSYS)
		return -errno;
	next = openat(fd, name, flags);
	return next >= 0 ? next : -errno;
}

/* mkdir -p of the directory part of @path; *ret_name is the last part. Return: O_PATH fd or negative errno. */
static int parent_make(const struct storage_env *env, const char *path, const char **ret_name,
		       struct err *e)
{
	size_t area = area_of(env, path);
	cleanup_close int fd = -EBADF;
	char base[AREA_MAX], name[NAME_MAX + 1];
	struct slice rest, part;
	int r;

	if (area == 0)
		return err_set(e, -EINVAL, "path '%.200s' is not below '%s'", path, env->run);

	memcpy(base, path, area);
	base[area] = '\0';
	r = path_mkdir_all(base, 0755);
	if (r < 0)
		return err_set(e, r, "make directory '%s'", base);
	fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", base);

	rest = slice_of(path + area + 1);
	while (slice_cut(&rest, '/', &part) && rest.p != NULL) {
		int next;

		memcpy(name, part.p, part.n);
		name[part.n] = '\0';
		next = step_into(fd, name, 0755);
		if (next < 0)
			return err_set(e, next, "make directory '%s' of '%s'", name, path);
		(void)fd_close(fd);
		fd = next;
	}

	*ret_name = path_base(path);
	return TAKE_FD(fd);
}

int storage_dir_make(const struct storage_env *env, const char *path, mode_t mode, int *ret_fd,
		     struct err *e)
{
	cleanup_close int parent = -EBADF;
	const char *name;
	int fd;

	parent = parent_make(env, path, &name, e);
	if (parent < 0)
		return parent;
	fd = step_into(parent, name, mode);
	if (fd < 0)
		return err_set(e, fd, "make directory '%s'", path);

	*ret_fd = fd;
	return 0;
}

int storage_path_open(const struct storage_env *env, const char *path, struct err *e)
{
	size_t area = area_of(env, path);
	cleanup_close int base = -EBADF;
	char dir[AREA_MAX];
	int fd;

	if (area == 0)
		return err_set(e, -EINVAL, "path '%.200s' is not below '%s'", path, env->run);
	memcpy(dir, path, area);
	dir[area] = '\0';
	base = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return err_set(e, -errno, "open '%s'", dir);

	fd = path_open_beneath(base, path + area + 1, O_PATH, 0, true);
	return fd < 0 ? err_set(e, fd, "open '%s'", path) : fd;
}

static int mount_id_of(int fd, uint64_t *ret, bool *ret_is_root)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &sx) < 0)
		return -errno;
	*ret = sx.stx_mnt_id;
	*ret_is_root = (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return 0;
}

int storage_is_mount(int fd)
{
	bool is_root = false;
	uint64_t id;
	int r;

	r = mount_id_of(fd, &id, &is_root);
	return r < 0 ? r : is_root;
}

/* Whether a file system of @fstype is mounted right on @fd. */
static int carries_type(int fd, const char *fstype)
{
	struct libmnt_table *table;
	struct libmnt_iter *it;
	struct libmnt_fs *fs;
	bool is_root = false;
	uint64_t id;
	int r;

	r = mount_id_of(fd, &id, &is_root);
	if (r < 0 || !is_root)
		return r;
	table = mnt_new_table_from_file("/proc/self/mountinfo");
	if (table == NULL)
		return -EIO;
	it = mnt_new_iter(MNT_ITER_FORWARD);
	r = it == NULL ? -ENOMEM : 0;
	while (r == 0 && mnt_table_next_fs(table, it, &fs) == 0)
		if ((uint64_t)mnt_fs_get_id(fs) == id)
			r = streq(mnt_fs_get_fstype(fs), fstype) ? 1 : -ENOENT;
	mnt_free_iter(it);
	mnt_unref_table(table);
	return r == -ENOENT ? 0 : r;
}

/* A directory, or for the bind of something else an empty file to bind it on. */
static int target_make(const struct storage_env *env, const char *path, bool is_dir,
		       int *ret_parent, int *ret_fd, struct err *e)
{
	cleanup_close int parent = -EBADF, file = -EBADF;
	const char *name;
	int fd;

	parent = parent_make(env, path, &name, e);
	if (parent < 0)
		return parent;
	if (is_dir) {
		fd = step_into(parent, name, 0755);
	} else {
		file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			      0644);
		if (file < 0 && errno != EEXIST)
			return err_set(e, -errno, "make mount point '%s'", path);
		fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return err_set(e, fd, "make mount point '%s'", path);

	*ret_parent = TAKE_FD(parent);
	*ret_fd = fd;
	return 0;
}

static int propagate(int fd, const struct mount_opts *o, struct err *e)
{
	struct mount_attr attr = {.propagation = o->propagation};

	if (o->propagation == 0)
		return 0;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (o->propagates_below ? AT_RECURSIVE : 0), &attr,
			  sizeof(attr)) < 0)
		return err_set(e, -errno, "mount propagation");
	return 0;
}

/* The tree gets its flags before anybody can see it, so "ro" has no gap. */
static int bind_mount(const struct mount_opts *o, int source, int target, struct err *e)
{
	const unsigned below = o->is_recursive ? AT_RECURSIVE : 0;
	struct mount_attr attr = {.attr_set = mount_opts_attr(o)};
	cleanup_close int tree = -EBADF;
	int r;

	tree = open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | below);
	if (tree < 0)
		return err_set(e, -errno, "clone the mount");
	if ((attr.attr_set & MOUNT_ATTR__ATIME) != 0)
		attr.attr_clr = MOUNT_ATTR__ATIME;
	if (attr.attr_set != 0 &&
	    mount_setattr(tree, "", AT_EMPTY_PATH | below, &attr, sizeof(attr)) < 0)
		return err_set(e, -errno, "mount flags");
	r = propagate(tree, o, e);
	if (r < 0)
		return r;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, -errno, "attach the mount");
	return 0;
}

static int fs_mount(const struct storage_mount *m, const struct mount_opts *o, int parent,
		    int target, struct err *e)
{
	const char *name = path_base(m->target);
	cleanup_close int root = -EBADF;
	char path[FD_PATH_MAX];
	int r;

	if (mount(m->source, fd_path(target, path), m->fstype, o->flags,
		  o->data[0] != '\0' ? o->data : NULL) < 0)
		return err_set(e, -errno, "file system '%s' from '%s'", m->fstype, m->source);
	if (o->propagation == 0)
		return 0;

	root = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = root < 0 ? err_set(e, -errno, "open what was mounted") : propagate(root, o, e);
	if (r < 0 && (o->flags & MS_REMOUNT) == 0 && fchdir(parent) == 0)
		(void)umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW);
	return r;
}

static int type_check(const char *fstype, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(allowed_types); i++)
		if (streq(allowed_types[i], fstype))
			return 0;
	return err_set(e, -EINVAL, "file system type '%.64s'", fstype);
}

/* What is bound: a device of the guest by its node, anything else only below the agent's areas. */
static int bind_source(const struct storage_env *env, const char *source, struct err *e)
{
	cleanup_free char *path = NULL;
	struct stat st;
	int fd, r;

	if (str_starts(source, "/dev/")) {
		fd = open(source, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, -errno, "open '%s'", source);
		if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode))
			return fd;
		(void)fd_close(fd);
		return err_set(e, -ENOTBLK, "'%s'", source);
	}
	path = malloc(strlen(source) + 2);
	if (path == NULL)
		return err_set(e, -ENOMEM, "bind '%s'", source);
	r = storage_path_clean(env, source, path, strlen(source) + 2, e);
	return r < 0 ? r : storage_path_open(env, path, e);
}

int storage_mount(const struct storage_env *env, const struct storage_mount *m, struct err *e)
{
	cleanup_close int source = -EBADF, parent = -EBADF, target = -EBADF;
	struct mount_opts o;
	struct stat st = {.st_mode = S_IFDIR};
	int r;

	if (m->source[0] == '\0' || m->fstype[0] == '\0')
		return err_set(e, -EINVAL, "mount '%s' without a source or a type", m->target);
	r = mount_opts_parse(m->options, m->n_options, m->skip_options, &o, e);
	if (r < 0)
		return r;
	o.flags |= m->flags;
	if (streq(m->fstype, "bind"))
		o.is_bind = true;
	else if (!o.is_bind && type_check(m->fstype, e) < 0)
		return e->code;

	if (o.is_bind) {
		source = bind_source(env, m->source, e);
		if (source < 0)
			return source;
		if (fstat(source, &st) < 0)
			return err_set(e, -errno, "stat '%s'", m->source);
	}
	r = target_make(env, m->target, S_ISDIR(st.st_mode), &parent, &target, e);
	if (r < 0)
		return r;

	if ((o.flags & MS_REMOUNT) != 0) {
		r = storage_is_mount(target);
		if (r <= 0)
			return err_set(e, r < 0 ? r : -EINVAL, "'%s' is no mount to change",
				       m->target);
	} else if (!o.is_bind) {
		r = carries_type(target, m->fstype);
		if (r != 0)
			return r < 0 ? err_set(e, r, "look at '%s'", m->target) : 0;
	}

	r = o.is_bind ? bind_mount(&o, source, target, e) : fs_mount(m, &o, parent, target, e);
	return r < 0 ? err_wrap(e, "mount on '%s'", m->target) : 0;
}

int storage_unmount(const struct storage_env *env, const char *path, struct err *e)
{
	cleanup_close int parent = -EBADF, target = -EBADF;
	const char *name;
	int r;

	parent = parent_make(env, path, &name, e);
	if (parent < 0)
		return parent;
	target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open '%s'", path);
	r = storage_is_mount(target);
	if (r < 0)
		return err_set(e, r, "look at '%s'", path);

	/* By name from the parent, which no link can move: umount2 cannot take an fd and not follow. */
	if (fchdir(parent) < 0)
		return err_set(e, -errno, "enter the directory of '%s'", path);
	if (r > 0 && umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_set(e, -errno, "unmount '%s'", path);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOTDIR && errno != ENOTEMPTY &&
	    errno != EROFS && errno != EBUSY && errno != ENOENT)
		return err_set(e, -errno, "remove directory '%s'", path);
	return 0;
}
