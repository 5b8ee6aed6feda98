/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and directories of cgroup file systems, always beneath a directory fd and never through a
 * link. Knows no controller. Directories made on the way to a group carry a mark, so that removing
 * the last group removes them too and never one that somebody else made.
 */
#include "container/cgroup_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define LOG_MODULE "cgroup"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "container/spec.h"

#define MADE_XATTR "trusted.pith.made"
#define DEPTH_MAX  64

ssize_t ctr_cg_read(int dir, const char *file, char *buf, size_t cap)
{
	cleanup_close int fd = path_open_beneath(dir, file, O_RDONLY | O_NOCTTY, 0, true);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fd_read_full(fd, buf, cap);
	if (n < 0)
		return n;
	if ((size_t)n == cap)
		return -E2BIG;
	buf[n] = '\0';
	while (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return n;
}

int ctr_cg_write(int dir, const char *file, const char *text)
{
	cleanup_close int fd = path_open_beneath(dir, file, O_WRONLY | O_NOCTTY, 0, true);
	size_t n = strlen(text);
	ssize_t done;

	if (fd < 0)
		return fd;
	do
		done = write(fd, text, n);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return (size_t)done == n ? 0 : -EIO;
}

int ctr_cg_write_u64(int dir, const char *file, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, v);
	return ctr_cg_write(dir, file, text);
}

int ctr_cg_read_u64(int dir, const char *file, uint64_t *ret)
{
	char text[64];
	ssize_t n = ctr_cg_read(dir, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (streq(text, "max")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return parse_u64(text, ret);
}

bool ctr_cg_has(int dir, const char *file)
{
	return dir >= 0 && faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int ctr_cg_read_key(int dir, const char *file, const char *key, uint64_t *ret)
{
	char text[CG_TEXT_MAX];
	ssize_t n = ctr_cg_read(dir, file, text, sizeof(text));
	struct slice rest, line, word;

	if (n < 0)
		return (int)n;
	rest = slice_of(text);
	while (slice_cut(&rest, '\n', &line)) {
		if (slice_cut(&line, ' ', &word) && slice_eq(word, key))
			return parse_slice_u64(line, ret);
	}
	return -ENOENT;
}

/* ---- directories ---- */

static int open_dir(int dir, const char *name)
{
	return path_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0, true);
}

static int check_is_cgroup(int fd)
{
	struct statfs sfs;

	if (fstatfs(fd, &sfs) < 0)
		return -errno;
	return sfs.f_type == CGROUP_SUPER_MAGIC || sfs.f_type == CGROUP2_SUPER_MAGIC ? 0 : -EXDEV;
}

/* The next part of *path into @part. Return: 1, 0 at the end, -ENAMETOOLONG. */
static int next_part(const char **path, char part[static NAME_MAX + 1])
{
	const char *p = *path;
	size_t n;

	p += strspn(p, "/");
	n = strcspn(p, "/");
	*path = p + n;
	if (n == 0)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(part, p, n);
	part[n] = '\0';
	return 1;
}

int ctr_cg_mkdir_path(int root, const char *path, void (*before)(int dir))
{
	cleanup_close int cur = fcntl(root, F_DUPFD_CLOEXEC, 3);
	char part[NAME_MAX + 1];
	const char *p = path;
	bool made_any = false;
	int r = cur < 0 ? -errno : 0;

	while (r >= 0) {
		int next;

		r = next_part(&p, part);
		if (r <= 0)
			break;
		if (before != NULL)
			before(cur);
		if (mkdirat(cur, part, 0755) == 0) {
			made_any = true;
		} else if (errno != EEXIST) {
			r = -errno;
			break;
		} else {
			r = 0;
		}
		next = open_dir(cur, part);
		if (next < 0) {
			r = next;
			break;
		}
		/* The mark is a help for cleaning up; a kernel without it only leaves parents. */
		if (r == 1)
			(void)!fsetxattr(next, MADE_XATTR, "1", 1, XATTR_CREATE);
		(void)fd_close(cur);
		cur = next;
		r = check_is_cgroup(cur);
	}
	if (r < 0) {
		if (made_any)
			(void)!ctr_cg_rmdir_path(root, path);
		return r;
	}
	return TAKE_FD(cur);
}

/* Name of the first directory inside @dir. Return: 1, 0: none, -errno. */
static int first_child(int dir, char name[static NAME_MAX + 1])
{
	cleanup_closedir DIR *d = NULL;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (d == NULL) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	for (struct dirent *de = readdir(d); de != NULL; de = readdir(d)) {
		if (de->d_type != DT_DIR || streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		(void)str_copy(name, NAME_MAX + 1, de->d_name);
		return 1;
	}
	return 0;
}

/* Removes one leaf below @parent/@name, itself when it has no child. Return: 1 itself, 0 a leaf, -errno. */
static int remove_one(int parent, const char *name)
{
	cleanup_close int up = fcntl(parent, F_DUPFD_CLOEXEC, 3);
	cleanup_close int cur = -EBADF;
	char here[NAME_MAX + 1], child[NAME_MAX + 1];

	if (up < 0)
		return -errno;
	(void)str_copy(here, sizeof(here), name);
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		int r;

		cur = open_dir(up, here);
		if (cur < 0)
			return cur;
		r = first_child(cur, child);
		if (r < 0)
			return r;
		if (r == 0) {
			if (unlinkat(up, here, AT_REMOVEDIR) < 0)
				return -errno;
			return depth == 0;
		}
		(void)str_copy(here, sizeof(here), child);
		(void)fd_close(up);
		up = TAKE_FD(cur);
	}
	return -ELOOP;
}

static int remove_group(int root, const char *path)
{
	cleanup_free char *dir = strdup(path);
	cleanup_close int parent = -EBADF;
	char *slash;
	int r;

	if (dir == NULL)
		return -ENOMEM;
	slash = strrchr(dir, '/');
	*slash = '\0';
	parent = slash == dir ? fcntl(root, F_DUPFD_CLOEXEC, 3) : open_dir(root, dir + 1);
	if (parent < 0)
		return parent == -ENOENT ? 0 : parent == -1 ? -errno : parent;
	do
		r = remove_one(parent, slash + 1);
	while (r == 0);
	return r == 1 || r == -ENOENT || r == -ENODEV ? 0 : r;
}

static bool was_made_by_us(int root, const char *path)
{
	cleanup_close int fd = open_dir(root, path + 1);
	char v;

	return fd >= 0 && fgetxattr(fd, MADE_XATTR, &v, 1) == 1;
}

int ctr_cg_rmdir_path(int root, const char *path)
{
	cleanup_free char *up = strdup(path);
	int r;

	if (up == NULL)
		return -ENOMEM;
	/* Most have nothing below: one call, which works without a free descriptor too. The file
	 * system knows no links, and our own groups were resolved when they were made. */
	if (unlinkat(root, path + 1, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		r = remove_group(root, path);
		if (r < 0)
			return r;
	}

	for (char *slash = strrchr(up, '/'); slash != NULL && slash != up;
	     slash = strrchr(up, '/')) {
		*slash = '\0';
		if (!was_made_by_us(root, up) || unlinkat(root, up + 1, AT_REMOVEDIR) < 0)
			break;
	}
	return 0;
}

/* ---- processes ---- */

static int each_pid_here(int dir, int (*fn)(void *data, pid_t pid), void *data)
{
	cleanup_fclose FILE *f = NULL;
	int fd = path_open_beneath(dir, "cgroup.procs", O_RDONLY, 0, true);
	char line[32];
	int r = 0;

	if (fd < 0)
		return fd;
	f = fdopen(fd, "re");
	if (f == NULL) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	while (r == 0 && fgets(line, sizeof(line), f) != NULL) {
		uint32_t pid;

		line[strcspn(line, "\n")] = '\0';
		/* 0: a process outside our pid namespace. */
		if (parse_u32(line, &pid) == 0 && pid != 0)
			r = fn(data, (pid_t)pid);
	}
	return r;
}

struct walk {
	int fd;
	DIR *d;
};

static int walk_push(struct walk *w, int fd)
{
	w->fd = fd;
	w->d = fdopendir(fd);
	if (w->d == NULL) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	return 0;
}

int ctr_cg_each_pid(int dir, int (*fn)(void *data, pid_t pid), void *data)
{
	struct walk stack[DEPTH_MAX];
	int depth = 0, r, fd;

	r = each_pid_here(dir, fn, data);
	if (r != 0)
		return r;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = walk_push(&stack[0], fd);
	if (r < 0)
		return r;

	while (depth >= 0 && r == 0) {
		struct dirent *de = readdir(stack[depth].d);

		if (de == NULL) {
			(void)closedir(stack[depth--].d);
			continue;
		}
		if (de->d_type != DT_DIR || de->d_name[0] == '.' || depth + 1 == DEPTH_MAX)
			continue;
		fd = open_dir(stack[depth].fd, de->d_name);
		if (fd < 0)
			continue; /* gone meanwhile */
		r = each_pid_here(fd, fn, data);
		if (r == -ENODEV || r == -ENOENT)
			r = 0;
		if (r != 0) {
			(void)fd_close(fd);
			break;
		}
		r = walk_push(&stack[depth + 1], fd);
		depth += r == 0;
	}
	for (; depth >= 0; depth--)
		(void)closedir(stack[depth].d);
	return r;
}

/* ---- settings ---- */

static void remember(struct cg_set *s, int dir, const char *file)
{
	char *old = s->undo[s->n].old;
	ssize_t n;

	if (!s->keep_old || s->n == ARRAY_LEN(s->undo))
		return;
	n = ctr_cg_read(dir, file, old, sizeof(s->undo[0].old));
	if (n < 0 || strchr(old, '\n') != NULL)
		return;
	if (n == 0)
		(void)str_copy(old, sizeof(s->undo[0].old), "\n"); /* a v2 cpuset that inherits */
	if (str_copy(s->undo[s->n].file, sizeof(s->undo[0].file), file) < 0)
		return;
	s->undo[s->n++].dir = dir;
}

int ctr_cg_set(struct cg_set *s, int dir, const char *file, const char *text)
{
	int r;

	if (dir < 0)
		return err_refuse(s->e, ERR_PRECONDITION,
				  "cgroup controller for %s is not available", file);
	remember(s, dir, file);
	r = ctr_cg_write(dir, file, text);
	if (r == -ENOENT || r == -EACCES)
		return err_set(s->e, r, "cgroup controller for %s is not available", file);
	if (r < 0)
		return err_set(s->e, r, "write '%s' to %s", text, file);
	return 0;
}

int ctr_cg_set_i64(struct cg_set *s, int dir, const char *file, int64_t v)
{
	return ctr_cg_setf(s, dir, file, "%" PRId64, v);
}

int ctr_cg_setf(struct cg_set *s, int dir, const char *file, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return err_set(s->e, -E2BIG, "value for %s", file);
	return ctr_cg_set(s, dir, file, text);
}

int ctr_cg_set_cpus(struct cg_set *s, int dir, const char *cpus)
{
	int r = ctr_cg_set(s, dir, "cpuset.cpus", cpus);

	if (r >= 0 || !ctr_cg_host.tolerant)
		return r;
	log_warn("%s, ignored", s->e->msg);
	*s->e = (struct err){0};
	return 0;
}

int ctr_cg_set_hugepage(struct cg_set *s, int dir, const struct ctr_hugepage_limit *h,
			const char *suffix)
{
	char file[96];
	int r;

	(void)snprintf(file, sizeof(file), "hugetlb.%s%s", h->page_size, suffix);
	if (strchr(h->page_size, '/') != NULL || !ctr_cg_has(dir, file)) {
		if (!ctr_cg_host.tolerant)
			return err_refuse(s->e, ERR_INVALID,
					  "linux.resources.hugepageLimits: no page size '%s' here",
					  h->page_size);
		log_warn("huge page size '%s' has no limit here, ignored", h->page_size);
		return 0;
	}
	r = ctr_cg_setf(s, dir, file, "%" PRIu64, h->limit);
	(void)snprintf(file, sizeof(file), "hugetlb.%s.rsvd%s", h->page_size, suffix);
	if (r == 0 && ctr_cg_has(dir, file))
		r = ctr_cg_setf(s, dir, file, "%" PRIu64, h->limit);
	return r;
}

int ctr_cg_set_rdma(struct cg_set *s, int dir, const struct ctr_rdma *r)
{
	char handles[40] = "", objects[40] = "";

	if (r->hca_handles == CTR_UNSET && r->hca_objects == CTR_UNSET)
		return err_refuse(s->e, ERR_INVALID, "linux.resources.rdma.%s sets no limit",
				  r->device);
	if (r->hca_handles != CTR_UNSET)
		(void)snprintf(handles, sizeof(handles), " hca_handle=%" PRId64, r->hca_handles);
	if (r->hca_objects != CTR_UNSET)
		(void)snprintf(objects, sizeof(objects), " hca_object=%" PRId64, r->hca_objects);
	return ctr_cg_setf(s, dir, "rdma.max", "%s%s%s", r->device, handles, objects);
}

void ctr_cg_undo(struct cg_set *s)
{
	while (s->n > 0) {
		s->n--;
		(void)!ctr_cg_write(s->undo[s->n].dir, s->undo[s->n].file, s->undo[s->n].old);
	}
}
