/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving, making and cleaning paths relative to directory fds. path_tree.c removes trees. */
#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

/* openat2(2): EAGAIN means that a rename raced with the walk. */
#define RESOLVE_TRIES 128
/* As many links as the kernel follows, path_resolution(7). */
#define LINKS_MAX 40

static int open_how(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	/* openat2 refuses a mode that would not be used. */
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode;
	for (int i = 0; i < RESOLVE_TRIES; i++) {
		fd = sys_openat2(dirfd, path, &how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : fd;
}

int path_open_in(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_how(root_fd, path, flags, mode, RESOLVE_IN_ROOT);
}

int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode, bool no_symlinks)
{
	return open_how(dirfd, path, flags, mode,
			RESOLVE_BENEATH | (no_symlinks ? RESOLVE_NO_SYMLINKS : 0));
}

int path_open_cached(int dirfd, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_CACHED,
	};
	int fd = sys_openat2(dirfd, path, &how);

	return fd < 0 ? -errno : fd;
}

/* Cuts the next name off *rest. Return: false at the end of the path. */
static bool next_name(struct slice *rest, struct slice *ret)
{
	while (slice_cut(rest, '/', ret)) {
		if (ret->n > 0 && !slice_eq(*ret, "."))
			return true;
	}
	return false;
}

static bool has_dotdot(struct slice path)
{
	struct slice name;

	while (next_name(&path, &name)) {
		if (slice_eq(name, ".."))
			return true;
	}
	return false;
}

/* Makes every name of @rest, one below the other. Takes @fd in any case. Return: fd of the last. */
static int make_rest(int fd, struct slice rest, mode_t mode)
{
	struct slice part;

	while (next_name(&rest, &part)) {
		cleanup_close int parent = fd;
		char name[NAME_MAX + 1];

		if (part.n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, part.p, part.n);
		name[part.n] = '\0';
		if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	return fd;
}

/*
 * Replaces the link that ends @prefix by its target and puts @rest behind: the path of a link that
 * dangles names the place where its target is to be made. Return: 0, -ENOENT when it is no link.
 */
static int splice_link(int parent, const struct str *prefix, struct slice rest, struct str *ret)
{
	const char *name = path_base(str_text(prefix));
	char target[PATH_MAX];
	ssize_t n = readlinkat(parent, name, target, sizeof(target));

	if (n < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	if ((size_t)n >= sizeof(target))
		return -ENAMETOOLONG;
	str_clear(ret);
	if (target[0] != '/')
		(void)str_add_n(ret, str_text(prefix), (size_t)(name - str_text(prefix)));
	(void)str_add_n(ret, target, (size_t)n);
	(void)str_add_char(ret, '/');
	if (rest.p != NULL)
		(void)str_add_n(ret, rest.p, rest.n);
	return str_check(ret);
}

/*
 * One walk over @path. Return: the fd of the last directory, -errno, or 0 (no fd of ours is 0) when
 * a dangling link was met and *next holds the path to walk instead.
 */
static int mkdir_walk(int root_fd, const char *path, mode_t mode, struct str *next)
{
	cleanup_str struct str prefix = STR_INIT(PATH_MAX - 1);
	cleanup_close int fd = -EBADF;
	struct slice rest = slice_of(path), name;
	int r;

	fd = path_open_in(root_fd, "/", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	for (;;) {
		struct slice here = rest;
		int sub;

		if (!next_name(&rest, &name))
			return TAKE_FD(fd);
		(void)str_add_char(&prefix, '/');
		(void)str_add_n(&prefix, name.p, name.n);
		r = str_check(&prefix);
		if (r < 0)
			return r == -ENOBUFS ? -ENAMETOOLONG : r;

		sub = path_open_in(root_fd, str_text(&prefix), O_PATH | O_DIRECTORY, 0);
		if (sub >= 0) {
			(void)fd_close(fd);
			fd = sub;
			continue;
		}
		if (sub != -ENOENT)
			return sub;
		if (has_dotdot(here))
			return -EINVAL;
		r = splice_link(fd, &prefix, rest, next);
		if (r != -ENOENT)
			return r;
		return make_rest(TAKE_FD(fd), here, mode);
	}
}

int path_mkdir_in(int root_fd, const char *path, mode_t mode, int *ret_fd)
{
	cleanup_str struct str a = STR_INIT(PATH_MAX - 1);
	cleanup_str struct str b = STR_INIT(PATH_MAX - 1);
	struct str *now = &a, *next = &b;

	(void)str_add(now, path);
	if (str_check(now) < 0)
		return str_check(now) == -ENOBUFS ? -ENAMETOOLONG : str_check(now);
	for (int i = 0; i < LINKS_MAX; i++) {
		struct str *swap;
		int fd = mkdir_walk(root_fd, str_text(now), mode, next);

		if (fd < 0)
			return fd;
		if (fd > 0) {
			if (ret_fd != NULL)
				*ret_fd = fd;
			else
				(void)fd_close(fd);
			return 0;
		}
		swap = now;
		now = next;
		next = swap;
	}
	return -ELOOP;
}

int path_mkdir_all(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	struct stat st;
	int r;

	if (path[0] != '/')
		return -EINVAL;
	r = path_clean(path, buf, sizeof(buf));
	if (r < 0)
		return r;
	for (char *p = buf + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(buf, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(buf, mode) < 0 && errno != EEXIST)
		return -errno;
	if (stat(buf, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int path_clean(const char *path, char *buf, size_t size)
{
	bool is_absolute = path[0] == '/';
	struct slice rest = slice_of(path), name;
	size_t n = 0;

	if (size < 2)
		return -ENAMETOOLONG;
	while (next_name(&rest, &name)) {
		if (slice_eq(name, "..")) {
			while (n > 0 && buf[--n] != '/')
				continue;
			continue;
		}
		if (name.n + 2 > size - n)
			return -ENAMETOOLONG;
		if (n > 0 || is_absolute)
			buf[n++] = '/';
		memcpy(buf + n, name.p, name.n);
		n += name.n;
	}
	if (n == 0)
		buf[n++] = is_absolute ? '/' : '.';
	buf[n] = '\0';
	return 0;
}

bool path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 0 && dir[n - 1] == '/')
		n--;
	if (n == 0)
		return path[0] == '/';
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}
