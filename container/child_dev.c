/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, links below /dev, the terminal and the standard streams, for the child. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "container/child_ops.h"

#define DEVPTS_PTMX_INO   2 /* fs/devpts: the instance's own ptmx */
#define UNIX98_SLAVE_LOW  136
#define UNIX98_SLAVE_HIGH 143

static int same_device(int fd, const struct plan_device *d)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT))
		return -EEXIST;
	if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && st.st_rdev != d->rdev)
		return -EEXIST;
	return 0;
}

/* Where nodes cannot be made (a user namespace), the guest's own is shown instead. */
static int bind_device(struct child *c, const struct plan_device *d, int parent, const char *name)
{
	int tree = child_clone_tree(AT_FDCWD, d->path, 0), at, r;

	if (tree < 0)
		return child_fail(c, PLAN_STEP_SOURCE, tree);
	r = same_device(tree, d);
	if (r < 0) {
		(void)close(tree);
		return child_fail(c, PLAN_STEP_SOURCE, r);
	}
	at = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (at >= 0) {
		(void)close(at);
		at = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	r = at < 0 ? -errno : child_attach(tree, at);
	if (at >= 0)
		(void)close(at);
	(void)close(tree);
	return r;
}

static int own_device(int fd, const struct plan_device *d)
{
	char path[CHILD_PROC_PATH];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != d->uid || st.st_gid != d->gid) &&
	    fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	/* fchmod(2) refuses O_PATH; the link of our own fd in the outer proc is exact. */
	if ((st.st_mode & 07777) != (d->mode & 07777) &&
	    fchmodat(AT_FDCWD, child_proc_path(path, fd), d->mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

int child_device(struct child *c, const struct plan_device *d)
{
	const char *name;
	int parent = child_make_parent(c->root, d->path, &name), fd, r;
	mode_t mask;

	if (parent < 0)
		return child_fail(c, PLAN_STEP_TARGET, parent);
	mask = umask(0);
	r = mknodat(parent, name, d->mode, d->rdev) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r == -EPERM) {
		r = bind_device(c, d, parent, name);
		(void)close(parent);
		return r;
	}
	if (r < 0 && r != -EEXIST) {
		(void)close(parent);
		return r;
	}
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	(void)close(parent);
	if (fd < 0)
		return -errno;
	r = same_device(fd, d);
	if (r == 0)
		r = own_device(fd, d);
	(void)close(fd);
	return r;
}

int child_symlink(struct child *c, const struct plan_op *op)
{
	const char *name = NULL;
	int parent, r = 0;
	size_t want = strlen(op->str2);
	char link[256];
	ssize_t n;

	if (op->arg2 && access(op->str2, F_OK) < 0)
		return 0;
	parent = child_make_parent(c->root, op->str, &name);
	if (parent < 0)
		return child_fail(c, PLAN_STEP_TARGET, parent);
	if (symlinkat(op->str2, parent, name) < 0)
		r = -errno;
	if (r == -EEXIST) {
		n = readlinkat(parent, name, link, sizeof(link));
		if (n == (ssize_t)want && memcmp(link, op->str2, want) == 0) {
			r = 0;
		} else if (op->arg) {
			r = unlinkat(parent, name, 0) < 0 || symlinkat(op->str2, parent, name) < 0
				    ? -errno
				    : 0;
		} else {
			r = 0;
			c->step = PLAN_STEP_LEFT_ALONE;
			child_report(c, CHILD_WARNING, -EEXIST, NULL);
			c->step = PLAN_STEP_NONE;
		}
	}
	(void)close(parent);
	return r;
}

/* The master of a new pair in the container's own devpts, or -errno. */
static int open_master(struct child *c)
{
	const char *path = "/dev/pts/ptmx";
	int at = child_open_in(c->root, path, O_PATH, RESOLVE_NO_SYMLINKS), master;
	struct statfs fs;
	struct stat st;

	if (at < 0)
		return at;
	if (fstatfs(at, &fs) < 0 || fstat(at, &st) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC ||
	    st.st_ino != DEVPTS_PTMX_INO || st.st_rdev != makedev(5, 2)) {
		(void)close(at);
		return -ENOTTY;
	}
	(void)close(at);
	master = child_open_in(c->root, path, O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS);
	if (master < 0)
		return master;
	if (fstat(master, &st) < 0 || st.st_rdev != makedev(5, 2)) {
		(void)close(master);
		return -ENOTTY;
	}
	return master;
}

static int open_slave(int master, const struct plan_op *op)
{
	struct winsize size = {.ws_row = (unsigned short)op->arg,
			       .ws_col = (unsigned short)op->arg2};
	int unlock = 0, slave;
	struct stat st;

	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	if (fstat(slave, &st) < 0 || major(st.st_rdev) < UNIX98_SLAVE_LOW ||
	    major(st.st_rdev) > UNIX98_SLAVE_HIGH) {
		(void)close(slave);
		return -ENOTTY;
	}
	if ((op->arg != 0 || op->arg2 != 0) && ioctl(slave, TIOCSWINSZ, &size) < 0) {
		int code = -errno;

		(void)close(slave);
		return code;
	}
	return slave;
}

/* /dev/console of the container is its terminal, bound by descriptor. */
static int bind_console(struct child *c, int slave)
{
	const char *name;
	int parent = child_make_parent(c->root, "/dev/console", &name), at, tree, r;
	struct stat st;

	if (parent < 0)
		return parent;
	at = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (at >= 0)
		(void)close(at);
	at = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = at < 0 ? -errno : 0;
	(void)close(parent);
	if (r < 0)
		return r;
	tree = child_clone_tree(slave, "", AT_EMPTY_PATH);
	if (tree < 0)
		r = tree;
	else if (fstat(at, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		r = -EEXIST;
	else
		r = child_attach(tree, at);
	if (tree >= 0)
		(void)close(tree);
	(void)close(at);
	return r;
}

int child_console(struct child *c, const struct plan_op *op)
{
	int master = open_master(c), slave, r = 0;

	if (master < 0)
		return child_fail(c, PLAN_STEP_SOURCE, master);
	slave = open_slave(master, op);
	if (slave < 0)
		return slave;
	if (op->arg3)
		r = bind_console(c, slave);
	if (r < 0)
		return child_fail(c, PLAN_STEP_TARGET, r);
	for (int fd = 0; fd < 3; fd++) {
		if (dup3(slave, fd, 0) < 0)
			return -errno;
	}
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return -errno;
	child_report(c, CHILD_MASTER, 0, &master);
	(void)close(slave);
	(void)close(master);
	return 0;
}

int child_stdio(struct child *c, const struct plan_op *op)
{
	int fd = op->fd, to = (int)op->arg, r;

	if (fd >= 0)
		return dup3(fd, to, 0) < 0 ? -errno : 0;
	/* The container's own null device where it is one, so that nothing of the guest stays open. */
	fd = c->root < 0 ? -EBADF
			 : child_open_in(c->root, "/dev/null",
					 O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0);
	if (fd >= 0) {
		struct stat st;

		if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
			(void)close(fd);
			fd = -EBADF;
		} else {
			(void)fcntl(fd, F_SETFL, 0);
		}
	}
	r = dup3(fd >= 0 ? fd : op->fd2, to, 0) < 0 ? -errno : 0;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

int child_stdio_owner(const struct child *c)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0 || st.st_uid == c->uid)
			continue;
		/* Never a device that others use too; of terminals only our own kind of slave. */
		if (S_ISBLK(st.st_mode) ||
		    (S_ISCHR(st.st_mode) && (major(st.st_rdev) < UNIX98_SLAVE_LOW ||
					     major(st.st_rdev) > UNIX98_SLAVE_HIGH)))
			continue;
		if (fchown(fd, c->uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM &&
		    errno != EROFS)
			return -errno;
	}
	return 0;
}
