/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts and fills the shared folder. Never writes below a folder of the user. */
#include "vmm/share.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "vmm/config.h"
#include "vmm/spawn.h"

#define BUSYBOX "/bin/busybox"

static int attach(int tree, int at, const char *name, const char *from, struct err *e)
{
	if (mkdirat(at, name, 0755) < 0 ||
	    move_mount(tree, "", at, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, -errno, "share '%s'", from);
	return 0;
}

static int bind_dir(const char *from, int at, const char *name, bool read_only, struct err *e)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	cleanup_close int tree = -EBADF;

	tree = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return err_set(e, -errno, "share '%s'", from);
	if (read_only &&
	    mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_set(e, -errno, "share '%s' read-only", from);
	return attach(tree, at, name, from, e);
}

/*
 * A root that the host keeps as it is, though the guest's agent may make the places that mounts need,
 * as runtimes do before they make a root read-only. @hidden: a tmpfs that is not served.
 */
static int overlay_root(const char *from, const char *hidden, struct err *e)
{
	cleanup_close int lower = open(from, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[FD_PATH_MAX], options[3 * VMM_PATH_MAX], merged[VMM_PATH_MAX];
	static const char *const dirs[] = {"upper", "work", "merged"};
	int tree;

	if (lower < 0)
		return err_set(e, -errno, "share '%s'", from);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		(void)snprintf(merged, sizeof(merged), "%s/%s", hidden, dirs[i]);
		if (mkdir(merged, 0755) < 0)
			return err_set(e, -errno, "create '%s'", merged);
	}
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		       fd_path(lower, path), hidden, hidden);
	if (mount("pith", merged, "overlay", MS_NOSUID | MS_NODEV, options) < 0)
		return err_set(e, -errno, "overlay on '%s'", from);
	tree = open_tree(AT_FDCWD, merged, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 ? err_set(e, -errno, "share '%s'", from) : tree;
}

static int copy_file(const char *from, int at, const char *to, struct err *e)
{
	cleanup_close int in = open(from, O_RDONLY | O_CLOEXEC);
	cleanup_close int out = -EBADF;
	struct stat st;
	off_t left;

	if (in < 0 || fstat(in, &st) < 0)
		return err_set(e, -errno, "open '%s' (is busybox-static installed?)", from);
	out = openat(at, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out < 0)
		return err_set(e, -errno, "create '%s'", to);
	for (left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		if (n <= 0)
			return err_set(e, n < 0 ? -errno : -EIO, "copy '%s'", from);
		left -= n;
	}
	return 0;
}

static int write_new(int at, const char *path, const char *text, struct err *e)
{
	cleanup_close int fd = openat(at, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_full(fd, text, strlen(text)) < 0)
		return err_set(e, -errno, "write '%s'", path);
	return 0;
}

/* One link for each name that the program answers to. */
static int link_applets(int at, struct err *e)
{
	char out[FD_PATH_MAX + sizeof("/bin")];
	char path[FD_PATH_MAX];
	char *argv[] = {(char[]){"busybox"}, (char[]){"--install"}, (char[]){"-s"}, out, NULL};
	const struct vmm_spawn s = {.path = BUSYBOX,
				    .argv = argv,
				    .fds = &at,
				    .n_fds = 1,
				    .in_fd = -EBADF,
				    .out_fd = -EBADF};
	struct pidref ref;
	int r;

	(void)snprintf(out, sizeof(out), "%s/bin", fd_path(at, path));
	r = vmm_spawn(&s, &ref, e);
	if (r < 0)
		return r;
	r = pidref_wait(&ref);
	pidref_done(&ref);
	return r == 0 ? 0 : err_set(e, -EIO, "busybox --install");
}

/* A root of Debian's static busybox, for a command without --rootfs. */
static int make_busybox(int at, struct err *e)
{
	static const char *const dirs[] = {"bin", "dev", "etc", "proc", "root",
					   "run", "sys", "usr", "var"};
	cleanup_close int root = -EBADF;
	int r;

	if (mkdirat(at, "rootfs", 0755) < 0)
		return err_set(e, -errno, "create rootfs");
	root = openat(at, "rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, -errno, "open rootfs");
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdirat(root, dirs[i], 0755) < 0)
			return err_set(e, -errno, "create '%s'", dirs[i]);
	/* The umask must not narrow the sticky folder. */
	if (mkdirat(root, "tmp", 0777) < 0 || fchmodat(root, "tmp", 01777, 0) < 0 ||
	    symlinkat("bin", root, "sbin") < 0 || symlinkat("../bin", root, "usr/bin") < 0 ||
	    symlinkat("../bin", root, "usr/sbin") < 0)
		return err_set(e, -errno, "create the root's links");

	r = copy_file(BUSYBOX, root, "bin/busybox", e);
	if (r == 0)
		r = write_new(root, "etc/passwd",
			      "root:x:0:0:root:/root:/bin/sh\n"
			      "nobody:x:65534:65534:nobody:/:/bin/false\n",
			      e);
	if (r == 0)
		r = write_new(root, "etc/group", "root:x:0:\nnogroup:x:65534:\n", e);
	return r < 0 ? r : link_applets(root, e);
}

int vmm_share_build(const struct vmm_config *c, const char *dir, struct err *e)
{
	cleanup_close int at = -EBADF, root = -EBADF;
	char name[sizeof("18446744073709551615")];
	int r;

	if (c->rootfs != NULL && c->root_read_only) {
		/* The served folder covers it; small, as a guest that means ill can fill it. */
		if (mount("pith", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m") < 0)
			return err_set(e, -errno, "mount the root's changes");
		root = overlay_root(c->rootfs, dir, e);
		if (root < 0)
			return root;
	}
	if (mount("pith", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return err_set(e, -errno, "mount the shared folder");
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, -errno, "open the shared folder");

	if (root >= 0)
		r = attach(root, at, "rootfs", c->rootfs, e);
	else if (c->rootfs != NULL)
		r = bind_dir(c->rootfs, at, "rootfs", false, e);
	else
		r = make_busybox(at, e);
	for (size_t i = 0; r == 0 && i < c->n_shares; i++) {
		(void)snprintf(name, sizeof(name), "%zu", i);
		r = bind_dir(c->share[i].host, at, name, c->share[i].read_only, e);
	}
	return r;
}
