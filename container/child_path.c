/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths and mounts by descriptor, for the child. Everything below the container's root is resolved
 * by openat2(2) inside that root; a missing part is made on the verified fd of its parent, so that
 * a container racing on a shared volume can neither be followed out nor have us create outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "container/child_ops.h"

#define PATH_LEN  4096
#define LINKS_MAX 40  /* as the kernel has it, path_resolution(7) */
#define AGAIN_MAX 128 /* openat2(2): EAGAIN while something else renames */

static int open2(int dirfd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
			       .resolve = resolve};
	long fd = -1;

	for (int i = 0; i < AGAIN_MAX; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int child_open_in(int root, const char *path, int flags, uint64_t resolve)
{
	return open2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve);
}

char *child_proc_path(char *buf, int fd)
{
	static const char prefix[] = "/proc/self/fd/";
	char digits[12];
	size_t n = 0, at = sizeof(prefix) - 1;

	memcpy(buf, prefix, at);
	do
		digits[n++] = (char)('0' + fd % 10);
	while ((fd /= 10) > 0);
	while (n > 0)
		buf[at++] = digits[--n];
	buf[at] = '\0';
	return buf;
}

/*
 * Replaces what leads to the link @name (path[0..start)) by its target, in front of the rest. Not
 * inlined: its buffer and that of the caller are a page each.
 */
__attribute__((noinline)) static int splice_link(char *path, size_t start, size_t end, int parent,
						 const char *name)
{
	char link[PATH_LEN];
	size_t rest = strlen(path + end), from;
	ssize_t n = readlinkat(parent, name, link, sizeof(link));

	if (n < 0)
		return -errno;
	from = link[0] == '/' ? 0 : start;
	if (n == 0 || from + (size_t)n + rest + 1 > PATH_LEN)
		return -ENAMETOOLONG;
	memmove(path + from + n, path + end, rest + 1);
	memcpy(path + from, link, (size_t)n);
	return 0;
}

static int make_dir(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open2(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW,
		   RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	return fd;
}

static int make_file(int parent, const char *name)
{
	int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return open2(parent, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

static int is_link(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Where a pass is: the fd of what precedes path[start..end), and whether that is of our making. */
struct walk {
	char *path;
	size_t start, end;
	int parent, missing, is_dir;
};

/* Opens the whole prefix up to the current part, resolved in root. */
static int open_prefix(int root, const struct walk *w)
{
	char saved = w->path[w->end];
	int fd;

	w->path[w->end] = '\0';
	fd = child_open_in(root, w->path, O_PATH, 0);
	w->path[w->end] = saved;
	return fd;
}

/* The current part is missing. Return: fd, 0 when a dangling link was spliced in, or -errno. */
static int make_part(struct walk *w, const char *name)
{
	int is_last = w->path[w->end + strspn(w->path + w->end, "/")] == '\0';

	if (strcmp(name, "..") == 0)
		return -EINVAL; /* above something that does not exist */
	if (is_link(w->parent, name))
		return splice_link(w->path, w->start, w->end, w->parent, name);
	w->missing = 1;
	return is_last && !w->is_dir ? make_file(w->parent, name) : make_dir(w->parent, name);
}

/*
 * One pass from the root: existing prefixes are opened whole, in root; the first missing one is
 * made on the fd of the prefix before it. Return: fd, 0 when a dangling link was spliced in and the
 * pass must begin again, or -errno.
 */
static int make_pass(int root, struct walk *w)
{
	char name[256];
	int fd;

	w->start = 0;
	w->missing = 0;
	w->parent = child_open_in(root, "/", O_PATH | O_DIRECTORY, 0);
	while (w->parent >= 0) {
		w->start += strspn(w->path + w->start, "/");
		w->end = w->start + strcspn(w->path + w->start, "/");
		if (w->end == w->start)
			break;
		if (w->end - w->start >= sizeof(name)) {
			fd = -ENAMETOOLONG;
		} else {
			memcpy(name, w->path + w->start, w->end - w->start);
			name[w->end - w->start] = '\0';
			fd = w->missing ? -ENOENT : open_prefix(root, w);
			if (fd == -ENOENT)
				fd = make_part(w, name);
		}
		(void)close(w->parent);
		w->parent = fd;
		if (fd == 0)
			break;
		w->start = w->end;
	}
	return w->parent;
}

int child_make_target(int root, const char *path, int is_dir, int no_links)
{
	char work[PATH_LEN];
	struct walk w = {.path = work, .is_dir = is_dir};
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof(work))
		return -ENAMETOOLONG;
	fd = child_open_in(root, path, O_PATH | (no_links ? O_NOFOLLOW : 0),
			   no_links ? RESOLVE_NO_SYMLINKS : 0);
	if (fd == -ENOENT) {
		memcpy(work, path, n + 1);
		fd = 0;
		for (int i = 0; fd == 0 && i < LINKS_MAX; i++)
			fd = make_pass(root, &w);
		if (fd == 0)
			fd = -ELOOP;
		if (fd > 0 && no_links) {
			(void)close(fd);
			fd = child_open_in(root, path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
		}
	}
	if (fd >= 0) {
		struct stat st;
		int wrong = 0;

		if (fstat(fd, &st) < 0)
			wrong = -errno;
		else if (is_dir && !S_ISDIR(st.st_mode))
			wrong = -ENOTDIR;
		else if (!is_dir && S_ISDIR(st.st_mode))
			wrong = -EISDIR;
		if (wrong < 0) {
			(void)close(fd);
			return wrong;
		}
	}
	return fd;
}

/*
 * The directory that holds the last part of @path, made if missing and reached without any link;
 * *ret_name points into @path.
 */
int child_make_parent(int root, const char *path, const char **ret_name)
{
	char dir[PATH_LEN];
	size_t n = strlen(path), at = n;

	while (at > 0 && path[at - 1] != '/')
		at--;
	if (at == n || n >= sizeof(dir))
		return -EINVAL;
	*ret_name = path + at;
	memcpy(dir, path, at);
	dir[at] = '\0';
	return child_make_target(root, at == 0 ? "/" : dir, 1, 1);
}

int child_remount(int fd, uint64_t set, uint64_t clear, uint64_t propagation, int recursive)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	if (set == 0 && clear == 0 && propagation == 0)
		return 0;
	return mount_setattr(fd, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int child_attach(int mnt, int target)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

	return move_mount(mnt, "", target, "", flags) < 0 ? -errno : 0;
}

int child_clone_tree(int dirfd, const char *path, int flags)
{
	int fd = open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (unsigned)flags);

	return fd < 0 ? -errno : fd;
}

int64_t child_mount_id(int fd, int *ret_is_root)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (ret_is_root != NULL)
		*ret_is_root = (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return (int64_t)stx.stx_mnt_id;
}
