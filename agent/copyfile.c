/* SPDX-License-Identifier: Apache-2.0 */
/* Confined copying. Knows no call; what is remembered between two chunks is the caller's. */
#include "agent/copyfile.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* The type bits may be absent: then it is a file. */
static mode_t type_of(const struct copy *c)
{
	mode_t type = c->file_mode & S_IFMT;

	return type == 0 ? S_IFREG : type;
}

static int link_check(const struct copy *c, struct err *e)
{
	if (c->n == 0 || c->n >= PATH_MAX || memchr(c->data, '\0', c->n) != NULL)
		return err_refuse(e, ERR_INVALID, "link '%.200s': target", c->path);
	return 0;
}

int copy_check(const struct copy *c, struct err *e)
{
	switch (type_of(c)) {
	case S_IFDIR:
		return 0;
	case S_IFLNK:
		return link_check(c, e);
	case S_IFREG:
		break;
	default:
		return err_refuse(e, ERR_INVALID, "file '%.200s': mode 0%o", c->path, c->file_mode);
	}

	if (c->file_size < 0 || c->offset < 0 || c->offset > c->file_size ||
	    c->n > (uint64_t)(c->file_size - c->offset))
		return err_refuse(e, ERR_INVALID,
				  "file '%.200s': %zu bytes at %" PRId64 " of %" PRId64, c->path,
				  c->n, c->offset, c->file_size);
	return 0;
}

/*
 * The directory that the last part lies in. Links on the way are followed as if the root were "/".
 * Return: O_PATH fd or negative errno.
 */
static int parent_open(const char *root, const struct copy *c, bool makes, struct err *e)
{
	mode_t mode = (c->dir_mode & 0777) != 0 ? c->dir_mode & 0777 : 0755;
	size_t n = strlen(c->path) - strlen(path_base(c->path));
	cleanup_close int fd = -EBADF;
	char dir[PATH_MAX];
	int parent = -EBADF;
	int r;

	if (n + sizeof("/") > sizeof(dir))
		return err_set(e, -ENAMETOOLONG, "path '%.200s'", c->path);
	(void)snprintf(dir, sizeof(dir), "/%.*s", (int)n, c->path);
	r = makes ? path_mkdir_all(root, 0755) : 0;
	if (r < 0)
		return err_set(e, r, "make '%s'", root);
	fd = open(root, DIR_FLAGS);
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", root);

	if (makes)
		r = path_mkdir_in(fd, dir, mode, &parent);
	else
		r = parent = path_open_in(fd, dir, O_PATH | O_DIRECTORY, 0);
	return r < 0 ? err_set(e, r, "directory of '%.200s'", c->path) : parent;
}

/* Takes the place of whatever is there, a directory included. */
static int put_in_place(int parent, const char *temp, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		r = path_remove_tree(parent, name);
		if (r < 0)
			return r;
	}
	return renameat(parent, temp, parent, name) < 0 ? -errno : 0;
}

static int make_directory(int parent, const char *name, const struct copy *c, struct err *e)
{
	cleanup_close int fd = -EBADF;
	char path[FD_PATH_MAX];
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    unlinkat(parent, name, 0) < 0)
		return err_set(e, -errno, "remove '%.200s'", c->path);
	if (mkdirat(parent, name, c->file_mode & 0777) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make directory '%.200s'", c->path);

	fd = openat(parent, name, DIR_FLAGS);
	if (fd < 0 || fchownat(fd, "", c->uid, c->gid, AT_EMPTY_PATH) < 0 ||
	    chmod(fd_path(fd, path), c->file_mode & 07777) < 0)
		return err_set(e, -errno, "owner and mode of '%.200s'", c->path);
	return 0;
}

static int make_link(int parent, const char *name, const struct copy *c, struct err *e)
{
	char target[PATH_MAX];
	int r;

	if (c->n >= sizeof(target))
		return err_set(e, -ENAMETOOLONG, "link '%.200s'", c->path);
	memcpy(target, c->data, c->n);
	target[c->n] = '\0';
	if (symlinkat(target, parent, c->temp) < 0)
		return err_set(e, -errno, "make link '%.200s'", c->path);

	r = fchownat(parent, c->temp, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	if (r == 0)
		r = put_in_place(parent, c->temp, name);
	if (r < 0) {
		(void)unlinkat(parent, c->temp, 0);
		return err_set(e, r, "make link '%.200s'", c->path);
	}
	return 0;
}

/* The file under construction: new for the first chunk, else what the last chunk left. */
static int temp_open(int parent, const struct copy *c, struct err *e)
{
	cleanup_close int fd = -EBADF;
	struct statvfs vfs;
	struct stat st;

	if (c->offset == 0) {
		fd = openat(parent, c->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd < 0)
			return err_set(e, -errno, "make '%.200s'", c->path);
		if (fstatvfs(fd, &vfs) == 0 && vfs.f_blocks > 0 &&
		    (uint64_t)c->file_size / vfs.f_frsize > vfs.f_bavail)
			return err_set(e, -ENOSPC, "file '%.200s' of %" PRId64 " bytes", c->path,
				       c->file_size);
		return TAKE_FD(fd);
	}

	fd = openat(parent, c->temp, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "go on with '%.200s'", c->path);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size != c->offset)
		return err_set(e, -ESTALE, "go on with '%.200s'", c->path);
	return TAKE_FD(fd);
}

static int write_chunk(int fd, const struct copy *c, struct err *e)
{
	ssize_t n;

	if (lseek(fd, c->offset, SEEK_SET) < 0)
		return err_set(e, -errno, "write '%.200s'", c->path);
	n = fd_write_full(fd, c->data, c->n);
	if (n < 0 || (size_t)n != c->n)
		return err_set(e, n < 0 ? (int)n : -EIO, "write '%.200s'", c->path);
	if (c->offset + (int64_t)c->n < c->file_size)
		return 0;

	/* The owner first: a change of owner clears bits of the mode. */
	if (fchown(fd, c->uid, c->gid) < 0 || fchmod(fd, c->file_mode & 07777) < 0)
		return err_set(e, -errno, "owner and mode of '%.200s'", c->path);
	return 1;
}

static int make_file(int parent, const char *name, const struct copy *c, struct err *e)
{
	cleanup_close int fd = -EBADF;
	int r;

	fd = temp_open(parent, c, e);
	r = fd < 0 ? fd : write_chunk(fd, c, e);
	if (r > 0) {
		r = put_in_place(parent, c->temp, name);
		if (r < 0)
			r = err_set(e, r, "put '%.200s' in its place", c->path);
	}
	if (r < 0)
		(void)unlinkat(parent, c->temp, 0);
	return r;
}

int copy_apply(const char *root, const struct copy *c, struct err *e)
{
	const char *name = path_base(c->path);
	cleanup_close int parent = -EBADF;

	if (name[0] == '\0' || streq(name, ".") || streq(name, "..") || strlen(name) > NAME_MAX)
		return err_set(e, -EINVAL, "path '%.200s'", c->path);
	parent = parent_open(root, c, true, e);
	if (parent < 0)
		return parent;
	if (fchownat(parent, "", c->uid, c->gid, AT_EMPTY_PATH) < 0)
		return err_set(e, -errno, "owner of the directory of '%.200s'", c->path);

	switch (type_of(c)) {
	case S_IFDIR:
		return make_directory(parent, name, c, e);
	case S_IFLNK:
		return make_link(parent, name, c, e);
	default:
		return make_file(parent, name, c, e);
	}
}

void copy_drop(const char *root, const struct copy *c)
{
	cleanup_close int parent = -EBADF;
	struct err ignored = {0};

	parent = parent_open(root, c, false, &ignored);
	if (parent >= 0)
		(void)unlinkat(parent, c->temp, 0);
}
