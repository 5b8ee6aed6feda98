/* SPDX-License-Identifier: Apache-2.0 */
/* The group of a volume, over a whole tree. By fds, without links: the tree is a workload's. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/storage_mount.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/str.h"

/* One open directory for each level; beyond it the tree is refused rather than half done. */
#define DEPTH_MAX 512

struct level {
	struct level *up;
	DIR *dir;
	unsigned depth;
};

static int level_push(struct level **top, int fd_take)
{
	struct level *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->dir = fdopendir(fd_take);
	if (l == NULL || l->dir == NULL) {
		(void)fd_close(fd_take);
		free(l);
		return -ENOMEM;
	}
	l->up = *top;
	l->depth = *top == NULL ? 1 : (*top)->depth + 1;
	*top = l;
	return 0;
}

static void level_pop(struct level **top)
{
	struct level *l = *top;

	*top = l->up;
	(void)closedir(l->dir);
	free(l);
}

struct wish {
	gid_t gid;
	bool is_readonly;
	dev_t dev;
};

static mode_t wanted_bits(const struct wish *w, mode_t mode)
{
	mode_t bits = w->is_readonly ? 0440 : 0660;

	return S_ISDIR(mode) ? bits | 02110 : bits;
}

/* @fd is O_PATH, so the mode is changed through its name in proc; chown first, because it clears setgid. */
static int give(const struct wish *w, int fd, const struct stat *st)
{
	char path[FD_PATH_MAX];

	if (fchownat(fd, "", (uid_t)-1, w->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (chmod(fd_path(fd, path), (st->st_mode & 07777) | wanted_bits(w, st->st_mode)) < 0)
		return -errno;
	return 0;
}

static int visit(const struct wish *w, struct level **top, const char *name)
{
	cleanup_close int fd = -EBADF;
	struct stat st;
	int below, r;

	fd = openat(dirfd((*top)->dir), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) || st.st_dev != w->dev)
		return 0;

	r = give(w, fd, &st);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	r = storage_is_mount(fd);
	if (r != 0)
		return r < 0 ? r : 0;
	if ((*top)->depth == DEPTH_MAX)
		return -ELOOP;

	below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? -errno : level_push(top, below);
}

static int walk(const struct wish *w, int root_fd)
{
	struct level *top = NULL;
	int fd, r;

	fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = level_push(&top, fd);
	while (r == 0 && top != NULL) {
		const struct dirent *d;

		errno = 0;
		d = readdir(top->dir);
		if (d == NULL) {
			r = -errno;
			level_pop(&top);
		} else if (!streq(d->d_name, ".") && !streq(d->d_name, "..")) {
			r = visit(w, &top, d->d_name);
		}
	}
	while (top != NULL)
		level_pop(&top);
	return r;
}

int storage_fsgroup(int root_fd, gid_t gid, bool is_readonly, bool only_on_mismatch, struct err *e)
{
	struct wish w = {.gid = gid, .is_readonly = is_readonly};
	struct stat st;
	mode_t bits;
	int r;

	if (fstat(root_fd, &st) < 0)
		return err_set(e, -errno, "stat the volume");
	w.dev = st.st_dev;
	bits = wanted_bits(&w, st.st_mode);
	if (only_on_mismatch && st.st_gid == gid && (st.st_mode & bits) == bits)
		return 0;

	/* The root is last: half a walk must not look finished to the test above. */
	r = S_ISDIR(st.st_mode) ? walk(&w, root_fd) : 0;
	if (r == 0)
		r = give(&w, root_fd, &st);
	return r < 0 ? err_set(e, r, "give the volume to group %u", gid) : 0;
}
