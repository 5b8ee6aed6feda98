/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rm -r that cannot be led astray: one open directory at a time, so depth costs no fd; down by
 * name without following links, up by ".." only to the very inode we came from.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

/* A directory still to be removed. */
struct name {
	struct name *next;
	char text[];
};

struct level {
	struct level *up;
	struct name *todo; /* its directories still to be entered */
	struct name *self; /* its name in the level above */
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct level *level;
	int fd; /* the directory of level */
	uint64_t mnt_id;
	int result;
};

static struct name *name_new(const char *text)
{
	size_t n = strlen(text) + 1;
	struct name *name = malloc(sizeof(*name) + n);

	if (name != NULL) {
		name->next = NULL;
		memcpy(name->text, text, n);
	}
	return name;
}

static void level_free(struct level *l)
{
	while (l->todo != NULL) {
		struct name *next = l->todo->next;

		free(l->todo);
		l->todo = next;
	}
	free(l->self);
	free(l);
}

static int mount_of(int fd, uint64_t *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if ((stx.stx_mask & STATX_MNT_ID) == 0)
		return -ENOSYS;
	*ret = stx.stx_mnt_id;
	return 0;
}

/* Unlinks @name unless it is a directory. Return: 0 gone, 1 a directory, -errno. */
static int unlink_file(int fd, const char *name)
{
	if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR)
		return 1;
	/* A file that is a mount point of this namespace. */
	return errno == EBUSY ? -EXDEV : -errno;
}

/* Unlinks the files of the open directory and notes its directories. */
static void scan(struct walk *w)
{
	cleanup_closedir DIR *d = NULL;
	int fd = fd_dup_above(w->fd, 3);

	if (fd < 0) {
		w->result = err_first(w->result, fd);
		return;
	}
	d = fdopendir(fd);
	if (d == NULL) {
		w->result = err_first(w->result, -errno);
		(void)fd_close(fd);
		return;
	}
	for (;;) {
		struct dirent *de;
		struct name *name;
		int r = 1;

		errno = 0;
		de = readdir(d);
		if (de == NULL)
			break;
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (de->d_type != DT_DIR)
			r = unlink_file(w->fd, de->d_name);
		if (r <= 0) {
			w->result = err_first(w->result, r);
			continue;
		}
		name = name_new(de->d_name);
		if (name == NULL) {
			w->result = err_first(w->result, -ENOMEM);
			continue;
		}
		name->next = w->level->todo;
		w->level->todo = name;
	}
	w->result = err_first(w->result, -errno);
}

static int descend(struct walk *w, struct name **self)
{
	cleanup_close int fd = -EBADF;
	struct level *l;
	struct stat st;
	uint64_t mnt_id = 0;
	int r;

	fd = openat(w->fd, (*self)->text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = mount_of(fd, &mnt_id);
	if (r < 0)
		return r;
	if (mnt_id != w->mnt_id)
		return -EXDEV;
	if (fstat(fd, &st) < 0)
		return -errno;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return -ENOMEM;

	*l = (struct level){w->level, NULL, TAKE_PTR(*self), st.st_dev, st.st_ino};
	w->level = l;
	(void)fd_close(w->fd);
	w->fd = TAKE_FD(fd);
	scan(w);
	return 0;
}

/* Leaves an emptied directory and removes it. Return: -errno when the way up is not the way down. */
static int ascend(struct walk *w, int top_fd)
{
	cleanup_close int fd = -EBADF;
	struct level *l = w->level;
	struct stat st = {0};

	if (l->up->up == NULL)
		fd = fd_dup_above(top_fd, 3);
	else
		fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != l->up->dev || st.st_ino != l->up->ino)
		return -ESTALE;

	if (unlinkat(fd, l->self->text, AT_REMOVEDIR) < 0 && errno != ENOENT)
		w->result = err_first(w->result, -errno);
	w->level = l->up;
	level_free(l);
	(void)fd_close(w->fd);
	w->fd = TAKE_FD(fd);
	return 0;
}

/* The pretended level of @dirfd itself, which has one directory to remove. */
static int start(struct walk *w, int dirfd, const char *name)
{
	struct stat st;
	int r;

	w->fd = fd_dup_above(dirfd, 3);
	if (w->fd < 0)
		return w->fd;
	if (fstat(w->fd, &st) < 0)
		return -errno;
	r = mount_of(w->fd, &w->mnt_id);
	if (r < 0)
		return r;
	w->level = calloc(1, sizeof(*w->level));
	if (w->level == NULL)
		return -ENOMEM;
	w->level->dev = st.st_dev;
	w->level->ino = st.st_ino;
	w->level->todo = name_new(name);
	return w->level->todo != NULL ? 0 : -ENOMEM;
}

static bool is_done(const struct walk *w)
{
	return w->level == NULL || (w->level->up == NULL && w->level->todo == NULL);
}

int path_remove_tree(int dirfd, const char *name)
{
	cleanup_close int at = -EBADF;
	struct walk w = {.fd = -EBADF};
	int r;

	if (name[0] == '\0' || strchr(name, '/') != NULL || streq(name, ".") || streq(name, ".."))
		return -EINVAL;
	at = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	r = unlink_file(at, name);
	if (r <= 0)
		return r;

	r = start(&w, at, name);
	while (r == 0 && !is_done(&w)) {
		struct name *sub = w.level->todo;

		if (sub == NULL) {
			r = ascend(&w, at);
			continue;
		}
		w.level->todo = sub->next;
		w.result = err_first(w.result, descend(&w, &sub));
		free(sub);
	}
	w.result = err_first(w.result, r);

	while (w.level != NULL) {
		struct level *up = w.level->up;

		level_free(w.level);
		w.level = up;
	}
	(void)fd_close(w.fd);
	return w.result;
}
