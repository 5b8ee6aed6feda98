/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of the container, for the child: making it a mount, entering it, and closing off parts
 * of it. The private procfs lives here too: it is what labels and sysctls are written through, as
 * anything named /proc inside the container may be a decoy.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "container/child_ops.h"

int child_parent_private(const struct plan_op *op)
{
	char path[4096];
	size_t n = strlen(op->str);

	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, op->str, n + 1);
	for (;;) {
		if (mount(NULL, n == 0 ? "/" : path, NULL, op->arg, NULL) == 0)
			return 0;
		if (errno != EINVAL || n == 0)
			return -errno; /* EINVAL: a plain directory, so try the one above */
		while (n > 0 && path[n - 1] != '/')
			n--;
		while (n > 0 && path[n - 1] == '/')
			n--;
		path[n] = '\0';
	}
}

/* The guest's own, while its /dev is still in view; files are masked with it. */
static int open_null(void)
{
	int fd = child_clone_tree(AT_FDCWD, "/dev/null", 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		(void)close(fd);
		return -ENODEV;
	}
	return fd;
}

int child_root_open(struct child *c, const struct plan_op *op)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};
	int at = (int)syscall(SYS_openat2, AT_FDCWD, op->str, &how, sizeof(how)), r;

	if (at < 0)
		return -errno;
	if (op->arg2) {
		c->null = open_null();
		if (c->null < 0)
			return child_fail(c, PLAN_STEP_SOURCE, c->null);
	}
	if (!op->arg) {
		c->root = at;
		return 0;
	}
	c->root = child_clone_tree(at, "", AT_EMPTY_PATH | AT_RECURSIVE);
	if (c->root < 0)
		return c->root;
	r = child_attach(c->root, at);
	(void)close(at);
	return r;
}

/* Keeps an unmasked proc or sysfs of the outer view from being seen by a later user namespace. */
static int hide_mounts(const char *const *paths)
{
	for (; paths != NULL && *paths != NULL; paths++) {
		if (mount(NULL, *paths, NULL, MS_SLAVE | MS_REC, NULL) < 0 && errno != EINVAL &&
		    errno != ENOENT)
			return -errno;
		if (umount2(*paths, MNT_DETACH) == 0 || errno == ENOENT)
			continue;
		if (errno != EINVAL && errno != EPERM)
			return -errno;
		if (mount("tmpfs", *paths, "tmpfs", MS_RDONLY, "size=0k") < 0)
			return -errno;
	}
	return 0;
}

static int move_root(const struct plan_op *op)
{
	int r = hide_mounts(op->strv);

	if (r < 0)
		return r;
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int child_pivot(struct child *c, const struct plan_op *op)
{
	int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0 || fchdir(c->root) < 0)
		return -errno;
	if (op->arg == PLAN_MOVE)
		return move_root(op);
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		if (errno == EINVAL && op->arg == PLAN_PIVOT_OR_MOVE)
			return move_root(op);
		return -errno;
	}
	/* The old root now lies on top of the new one. Slave first: the detach must not travel. */
	if (fchdir(old) < 0 || mount("", ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	(void)close(old);
	return 0;
}

int child_read_only(struct child *c, const struct plan_op *op)
{
	int fd = child_open_in(c->root, op->str, O_PATH, 0), r = fd;

	if (fd < 0)
		return child_fail(c, PLAN_STEP_TARGET, fd);
	for (int i = 0; i < 5; i++) {
		r = child_remount(fd, MOUNT_ATTR_RDONLY, 0, 0, 0);
		if (r != -EBUSY)
			break;
		(void)poll(NULL, 0, 100); /* a writer is about to close */
	}
	(void)close(fd);
	return r;
}

/* Only a path that is not there may be skipped; a mount that fails may not. */
static int open_existing(const struct child *c, const char *path)
{
	int fd = child_open_in(c->root, path, O_PATH, 0);

	return fd == -ENOENT || fd == -ENOTDIR ? -ENODATA : fd;
}

int child_path_read_only(struct child *c, const struct plan_op *op)
{
	int at = open_existing(c, op->str), tree, r;

	if (at < 0)
		return at == -ENODATA ? 0 : child_fail(c, PLAN_STEP_TARGET, at);
	tree = child_clone_tree(at, "", AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return tree;
	r = child_remount(tree, MOUNT_ATTR_RDONLY, 0, 0, 0);
	if (r == 0)
		r = child_attach(tree, at);
	(void)close(tree);
	(void)close(at);
	return r;
}

static int new_mask(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), mnt;

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		int code = -errno;

		(void)close(fs);
		return code;
	}
	mnt = fsmount(fs, FSMOUNT_CLOEXEC,
		      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mnt < 0)
		mnt = -errno;
	(void)close(fs);
	return mnt;
}

/*
 * One empty tmpfs serves all directories, one null device all files. The first use attaches the
 * detached mount itself, later ones clone it from there: before Linux 6.15 only an attached mount
 * can be cloned.
 */
static int next_mask(struct child *c, int is_dir)
{
	int *fd = is_dir ? &c->mask : &c->null;
	int *attached = is_dir ? &c->mask_attached : &c->null_attached;

	if (*attached)
		return child_clone_tree(*fd, "", AT_EMPTY_PATH);
	if (is_dir)
		*fd = new_mask();
	*attached = 1;
	return *fd;
}

int child_path_mask(struct child *c, const struct plan_op *op)
{
	int at = open_existing(c, op->str), mnt, r;
	struct stat st;

	if (at < 0)
		return at == -ENODATA ? 0 : child_fail(c, PLAN_STEP_TARGET, at);
	if (fstat(at, &st) < 0)
		return -errno;
	mnt = next_mask(c, S_ISDIR(st.st_mode));
	if (mnt < 0)
		return child_fail(c, PLAN_STEP_SOURCE, mnt);
	r = child_attach(mnt, at);
	if (mnt != c->mask && mnt != c->null)
		(void)close(mnt);
	(void)close(at);
	return r;
}

int child_proc_open(struct child *c)
{
	int fs = fsopen("proc", FSOPEN_CLOEXEC), r = 0;

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		r = -errno;
	} else {
		c->proc = fsmount(fs, FSMOUNT_CLOEXEC,
				  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		r = c->proc < 0 ? -errno : 0;
	}
	(void)close(fs);
	return r;
}

int child_proc_write(struct child *c, const struct plan_op *op)
{
	struct open_how how = {.flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve =
				       RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, c->proc, op->str, &how, sizeof(how)), r = 0;
	size_t n = strlen(op->str2);
	struct statfs fs;
	ssize_t done;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC) {
		r = -EXDEV;
	} else {
		done = write(fd, op->str2, n);
		if (done < 0)
			r = -errno;
		else if ((size_t)done != n)
			r = -EIO;
	}
	(void)close(fd);
	return r;
}
