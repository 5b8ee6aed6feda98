/* SPDX-License-Identifier: Apache-2.0 */
/* The two bundle jobs. The worker side uses fds below the bundle, never a path twice. */
#include "agent/bundle.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#define BUNDLE_TIMEOUT_NS (30 * UINT64_C(1000000000))

struct bundle_job {
	bundle_done_fn done;
	void *done_data;
	const char *root_path; /* borrowed by the child's copy of our memory */
	char bundle[PATH_MAX];
};

static int open_root(const char *path, struct err *e)
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

static int create_in_worker(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct bundle_job *j = data;
	cleanup_close int root = -EBADF, dir = -EBADF, tree = -EBADF;

	root = open_root(j->root_path, e);
	if (root < 0)
		return root;
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

static void on_done(void *data, const struct err *e, unused_arg const void *payload,
		    unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct bundle_job *j = data;

	j->done(j->done_data, e);
	free(j);
}

static int start(struct agent *a, const char *bundle, const char *root_path, worker_fn fn,
		 bundle_done_fn done, void *data, struct err *e)
{
	struct bundle_job *j = calloc(1, sizeof(*j));
	struct worker_job job = {
		.name = root_path != NULL ? "set up the root" : "remove the bundle",
		.fn = fn,
		.fn_data = j,
		.timeout_ns = BUNDLE_TIMEOUT_NS,
		.done = on_done,
		.done_data = j,
	};
	int r;

	if (j == NULL)
		return err_set(e, -ENOMEM, "bundle '%s'", bundle);
	j->done = done;
	j->done_data = data;
	j->root_path = root_path;
	if (str_copy(j->bundle, sizeof(j->bundle), bundle) < 0)
		r = err_refuse(e, ERR_INVALID, "bundle path is too long");
	else
		r = worker_run(a->loop, &job, NULL, e);
	if (r < 0)
		free(j);
	return r;
}

int bundle_create(struct agent *a, const char *bundle, const char *root_path, bundle_done_fn done,
		  void *data, struct err *e)
{
	return start(a, bundle, root_path, create_in_worker, done, data, e);
}

int bundle_remove(struct agent *a, const char *bundle, bundle_done_fn done, void *data,
		  struct err *e)
{
	return start(a, bundle, NULL, remove_in_worker, done, data, e);
}
