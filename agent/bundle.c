/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two bundle jobs. A root that the kernel can find without asking anybody is bound at once; any
 * other, and every removal, is a worker's. fds below the bundle are used, never a path twice.
 */
#include "agent/bundle.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/str.h"

#define BUNDLE_TIMEOUT_NS (30 * UINT64_C(1000000000))

struct bundle_job {
	bundle_done_fn done;
	void *done_data;
	struct loop_idle idle; /* tells of a bundle that was made at once */
	const char *root_path; /* borrowed by the child's copy of our memory */
	char bundle[PATH_MAX];
};

/* @may_wait: otherwise -EAGAIN when the walk leaves the kernel's memory; e is then of no use. */
static int open_root(const char *path, bool may_wait, struct err *e)
{
	char clean[PATH_MAX];
	cleanup_close int top = -EBADF;
	int fd;

	if (path[0] != '/')
		return err_refuse(e, ERR_INVALID, "root.path '%s' is not absolute", path);
	if (path_clean(path, clean, sizeof(clean)) < 0)
		return err_refuse(e, ERR_INVALID, "root.path is too long");
	if (streq(clean, "/"))
		return err_refuse(e, ERR_INVALID, "root.path is the guest's own root");
	top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return err_set(e, -errno, "open /");
	fd = path_open_cached(top, clean + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 && may_wait)
		fd = path_open_beneath(top, clean + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, true);
	if (fd < 0)
		return err_set(e, fd, "root.path '%s'", clean);
	return fd;
}

int bundle_remove_tree(const char *path)
{
	cleanup_free char *parent = strdup(path);
	cleanup_close int dir = -EBADF;
	char *slash = parent != NULL ? strrchr(parent, '/') : NULL;

	if (slash == NULL || slash == parent)
		return -EINVAL;
	*slash = '\0';
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	return path_remove_tree(dir, slash + 1);
}

/* Waits for nobody: the bundle lies in the guest's own tmpfs, and a clone of @root asks nothing. */
static int make(const struct bundle_job *j, int root, struct err *e)
{
	cleanup_close int dir = -EBADF, tree = -EBADF;

	if (mkdir(j->bundle, 0710) < 0) {
		if (errno == EEXIST)
			return err_refuse(e, ERR_INVALID, "container ID is in use by '%s'",
					  j->bundle);
		return err_set(e, -errno, "make bundle '%s'", j->bundle);
	}
	dir = open(j->bundle, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "rootfs", 0755) < 0) {
		(void)!err_set(e, -errno, "make rootfs in '%s'", j->bundle);
		(void)!bundle_remove_tree(j->bundle);
		return e->code;
	}
	tree = open_tree(root, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0 || move_mount(tree, "", dir, "rootfs", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		(void)!err_set(e, -errno, "bind root.path '%s'", j->root_path);
		(void)!bundle_remove_tree(j->bundle);
		return e->code;
	}
	return 0;
}

static int create_in_worker(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct bundle_job *j = data;
	cleanup_close int root = open_root(j->root_path, true, e);

	return root < 0 ? root : make(j, root, e);
}

static int remove_in_worker(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct bundle_job *j = data;
	char rootfs[PATH_MAX + sizeof("/rootfs")];
	int r;

	(void)snprintf(rootfs, sizeof(rootfs), "%s/rootfs", j->bundle);
	/* Detached: a process that is leaving may still hold it for a moment. */
	while (umount2(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL && errno != ENOENT)
		return err_set(e, -errno, "unmount '%s'", rootfs);
	r = bundle_remove_tree(j->bundle);
	return r < 0 ? err_set(e, r, "remove bundle '%s'", j->bundle) : 0;
}

static void finish(struct bundle_job *j, const struct err *e)
{
	j->done(j->done_data, e);
	free(j);
}

static void on_done(void *data, const struct err *e, unused_arg const void *payload,
		    unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	finish(data, e);
}

static void on_idle(struct loop_idle *i)
{
	static const struct err ok;

	finish(container_of(i, struct bundle_job, idle), &ok);
}

static int start_worker(struct agent *a, struct bundle_job *j, const char *name, worker_fn fn,
			struct err *e)
{
	struct worker_job job = {
		.name = name,
		.fn = fn,
		.fn_data = j,
		.timeout_ns = BUNDLE_TIMEOUT_NS,
		.done = on_done,
		.done_data = j,
	};

	return worker_run(a->loop, &job, NULL, e);
}

/* A fork of the agent costs more than all else that creates a container's root. */
static int start_create(struct agent *a, struct bundle_job *j, struct err *e)
{
	struct err ignored = {0};
	cleanup_close int root = open_root(j->root_path, false, &ignored);
	int r;

	if (root < 0)
		return start_worker(a, j, "set up the root", create_in_worker, e);
	r = make(j, root, e);
	if (r == 0)
		loop_idle_add(a->loop, &j->idle, on_idle);
	return r;
}

static int start(struct agent *a, const char *bundle, const char *root_path, bundle_done_fn done,
		 void *data, struct err *e)
{
	struct bundle_job *j = calloc(1, sizeof(*j));
	int r;

	if (j == NULL)
		return err_set(e, -ENOMEM, "bundle '%s'", bundle);
	j->done = done;
	j->done_data = data;
	j->root_path = root_path;
	if (str_copy(j->bundle, sizeof(j->bundle), bundle) < 0)
		r = err_refuse(e, ERR_INVALID, "bundle path is too long");
	else if (root_path != NULL)
		r = start_create(a, j, e);
	else
		r = start_worker(a, j, "remove the bundle", remove_in_worker, e);
	if (r < 0)
		free(j);
	return r;
}

int bundle_create(struct agent *a, const char *bundle, const char *root_path, bundle_done_fn done,
		  void *data, struct err *e)
{
	return start(a, bundle, root_path, done, data, e);
}

int bundle_remove(struct agent *a, const char *bundle, bundle_done_fn done, void *data,
		  struct err *e)
{
	return start(a, bundle, NULL, done, data, e);
}
