/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers "ephemeral" (memory: tmpfs, huge pages) and "local" (a directory of the guest). */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "agent/storage.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define FSGID "fsgid="

/* The value of the last "fsgid=". Return: 1, 0 none, negative errno. */
static int find_fsgid(const Grpc__Storage *req, gid_t *ret, struct err *e)
{
	int found = 0;

	for (size_t i = 0; i < req->n_options; i++) {
		uint32_t gid;

		if (!str_starts(req->options[i], FSGID))
			continue;
		if (parse_u32(req->options[i] + strlen(FSGID), &gid) < 0)
			return err_set(e, -EINVAL, "option '%.64s'", req->options[i]);
		*ret = gid;
		found = 1;
	}
	return found;
}

/* The directory of @fd belongs to a group, and so will what is made in it. */
static int give_to_group(int fd, gid_t gid, struct err *e)
{
	char path[FD_PATH_MAX];
	struct stat st;

	if (fstat(fd, &st) < 0 || fchownat(fd, "", (uid_t)-1, gid, AT_EMPTY_PATH) < 0 ||
	    chmod(fd_path(fd, path), (st.st_mode & 07777) | S_ISGID) < 0)
		return err_set(e, -errno, "give the volume to group %u", gid);
	return 0;
}

struct huge {
	uint64_t page_size, size;
};

/* "pagesize=2097152,size=4194304" and other words. */
static int huge_parse(const char *text, struct huge *ret)
{
	struct slice rest = slice_of(text), word;
	struct huge h = {0};
	char buf[64];

	while (slice_cut(&rest, ',', &word)) {
		uint64_t *v;
		const char *value;

		if (word.n >= sizeof(buf))
			continue;
		memcpy(buf, word.p, word.n);
		buf[word.n] = '\0';
		if (str_starts(buf, "pagesize="))
			v = &h.page_size;
		else if (str_starts(buf, "size="))
			v = &h.size;
		else
			continue;
		value = strchr(buf, '=') + 1;
		if (parse_size(value, v) < 0)
			return -EINVAL;
	}
	if (h.page_size < 1024 || h.size == 0)
		return -EINVAL;
	*ret = h;
	return 0;
}

/* Adds to the pool rather than setting it: other volumes have pages there. */
static int huge_change(const struct storage_env *env, const struct huge *h, bool adds,
		       struct err *e)
{
	uint64_t pages = h->size / h->page_size, had, got;
	cleanup_close int lock = -EBADF;
	char path[PATH_MAX / 4], text[32];

	(void)snprintf(path, sizeof(path),
		       "%s/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages", env->sysfs,
		       h->page_size / 1024);
	/* Two workers must not read the same count. */
	lock = open(path, O_RDONLY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set(e, -errno, "open '%s'", path);
	if (fd_read_line(AT_FDCWD, path, text, sizeof(text)) < 0 || parse_u64(text, &had) < 0)
		return err_set(e, -EIO, "read '%s'", path);

	pages = adds ? had + pages : had - MIN(had, pages);
	(void)snprintf(text, sizeof(text), "%" PRIu64, pages);
	if (fd_write_str(AT_FDCWD, path, text) < 0 ||
	    fd_read_line(AT_FDCWD, path, text, sizeof(text)) < 0 || parse_u64(text, &got) < 0)
		return err_set(e, -EIO, "write '%s'", path);
	/* Pages that somebody still has go when they are given back. */
	if (got == pages || !adds)
		return 0;

	(void)snprintf(text, sizeof(text), "%" PRIu64, had);
	(void)!fd_write_str(AT_FDCWD, path, text);
	return err_set(e, -ENOMEM, "%" PRIu64 " huge pages wanted, %" PRIu64 " there", pages, got);
}

static int mount_huge(const struct storage_job *job, struct err *e)
{
	struct err ignored = {0};
	struct huge h;
	int r;

	if (job->request->n_options == 0 || huge_parse(job->request->options[0], &h) < 0)
		return err_set(e, -EINVAL, "huge page volume without 'pagesize=' and 'size='");
	r = huge_change(job->env, &h, true, e);
	if (r < 0)
		return r;
	r = storage_mount_job(job, "nodev", NULL, 0, e);
	if (r < 0)
		(void)!huge_change(job->env, &h, false, &ignored);
	return r;
}

/* The file system itself knows what it was given; after the unmount the pool has it too much. */
static int unmount_ephemeral(const struct storage_env *env, const char *mount_point, struct err *e)
{
	struct huge h = {0};
	struct err ignored = {0};
	struct statfs sfs;
	int fd = storage_path_open(env, mount_point, &ignored);
	int r;

	if (fd >= 0 && fstatfs(fd, &sfs) == 0 && sfs.f_type == HUGETLBFS_MAGIC) {
		h.page_size = (uint64_t)sfs.f_bsize;
		h.size = (uint64_t)sfs.f_blocks * h.page_size;
	}
	(void)fd_close(fd);
	r = storage_unmount(env, mount_point, e);
	return r == 0 && h.size > 0 ? huge_change(env, &h, false, e) : r;
}

static int mount_ephemeral(const struct storage_job *job, struct err *e)
{
	const Grpc__Storage *req = job->request;
	cleanup_close int fd = -EBADF;
	struct err ignored = {0};
	gid_t gid = 0;
	int r, has_gid;

	if (streq(req->fstype, "hugetlbfs"))
		return mount_huge(job, e);
	if (!streq(req->fstype, "tmpfs"))
		return err_set(e, -EINVAL, "storage 'ephemeral' of type '%.64s'", req->fstype);

	has_gid = find_fsgid(req, &gid, e);
	if (has_gid < 0)
		return has_gid;
	r = storage_mount_job(job, req->source, FSGID, 0, e);
	if (r < 0 || has_gid == 0)
		return r;

	fd = storage_path_open(job->env, job->mount_point, e);
	r = fd < 0 ? fd : give_to_group(fd, gid, e);
	if (r < 0)
		(void)!storage_unmount(job->env, job->mount_point, &ignored);
	return r;
}

int storage_ephemeral_update(const struct storage_env *env, const Grpc__Storage *req, struct err *e)
{
	char target[PATH_MAX], allowed[PATH_MAX / 4];
	struct storage_mount m;
	int r;

	r = storage_path_clean(env, req->mount_point, target, sizeof(target), e);
	if (r < 0)
		return r;
	(void)snprintf(allowed, sizeof(allowed), "%s/sandbox/ephemeral/", env->run);
	if (!str_starts(target, allowed))
		return err_set(e, -EINVAL, "'%s' is not below '%s'", target, allowed);
	if (req->n_options == 0) {
		cleanup_close int fd = -EBADF;

		return storage_dir_make(env, target, 0755, &fd, e);
	}

	m = (struct storage_mount){
		.source = req->source,
		.fstype = req->fstype,
		.options = req->options,
		.n_options = req->n_options,
		.skip_options = FSGID,
		.target = target,
	};
	return storage_mount(env, &m, e);
}

static int make_local(const struct storage_job *job, struct err *e)
{
	const Grpc__Storage *req = job->request;
	cleanup_close int fd = -EBADF;
	char path[FD_PATH_MAX];
	uint32_t mode = 0;
	gid_t gid = 0;
	bool has_mode = false;
	int r, has_gid;

	has_gid = find_fsgid(req, &gid, e);
	if (has_gid < 0)
		return has_gid;
	for (size_t i = 0; i < req->n_options; i++) {
		if (!str_starts(req->options[i], "mode="))
			continue;
		if (parse_octal32(req->options[i] + strlen("mode="), &mode) < 0 || mode > 07777)
			return err_set(e, -EINVAL, "option '%.64s'", req->options[i]);
		has_mode = true;
	}

	r = storage_dir_make(job->env, job->mount_point, 0755, &fd, e);
	if (r < 0)
		return r;
	/* The mode first: changing the group keeps setgid on a directory, changing the mode would lose it. */
	if (has_mode && chmod(fd_path(fd, path), mode) < 0)
		return err_set(e, -errno, "mode of '%s'", job->mount_point);
	return has_gid > 0 ? give_to_group(fd, gid, e) : 0;
}

const struct storage_driver storage_driver_ephemeral = {
	.name = "ephemeral",
	.goes_with_sandbox = true,
	.mount = mount_ephemeral,
	.unmount = unmount_ephemeral,
};

const struct storage_driver storage_driver_local = {
	.name = "local",
	.goes_with_sandbox = true,
	.mount = make_local,
};
