/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "blk": a virtio disk, with the file system it has or one that is made on request. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/storage.h"
#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

/* Only where packages install it: PATH is not asked, and no image of a container is. */
static const char *const mkfs_paths[] = {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"};

/* Enough to hold every signature below; the last one, of btrfs, sits at 64 KiB. */
#define PROBE_SIZE 69632

struct signature {
	size_t offset;
	const char *bytes;
	size_t n;
};

/* Sources: each file system's on-disk format documents; kernel include/uapi/linux/magic.h. */
static const struct signature signatures[] = {
	{0, "XFSB", 4},        {0, "LUKS\xba\xbe", 6},
	{0, "hsqs", 4},        {1024, "\xe2\xe1\xf5\xe0", 4},
	{1080, "\x53\xef", 2}, {4086, "SWAPSPACE2", 10},
	{510, "\x55\xaa", 2},  {65600, "_BHRfS_M", 8},
};

static int has_signature(const char *device, struct err *e)
{
	cleanup_free char *buf = calloc(1, PROBE_SIZE);
	cleanup_close int fd = -EBADF;
	ssize_t n;

	if (buf == NULL)
		return err_set(e, -ENOMEM, "look at '%s'", device);
	fd = open(device, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", device);
	n = fd_read_full(fd, buf, PROBE_SIZE);
	if (n < 0)
		return err_set(e, (int)n, "read '%s'", device);

	for (size_t i = 0; i < ARRAY_LEN(signatures); i++)
		if (memcmp(buf + signatures[i].offset, signatures[i].bytes, signatures[i].n) == 0)
			return 1;
	return 0;
}

static int make_filesystem(const struct storage_job *job, struct err *e)
{
	const char *const *path = mkfs_paths;
	/* As Kata's agent: a scratch volume needs no journal and few inodes. */
	const char *argv[] = {NULL, "-F",     "-O", "^has_journal", "-m",        "0",
			      "-i", "163840", "-I", "128",          job->device, NULL};
	cleanup_str struct str text = STR_INIT(512);
	int r;

	if (!streq(job->request->fstype, "ext4"))
		return err_set(e, -EINVAL, "making a file system of type '%.64s'",
			       job->request->fstype);
	r = has_signature(job->device, e);
	if (r < 0)
		return r;
	if (r > 0)
		return job->request->shared
			       ? 0
			       : err_set(e, -EEXIST, "'%s' has a file system already", job->device);

	while (path < mkfs_paths + ARRAY_LEN(mkfs_paths) && access(*path, X_OK) < 0)
		path++;
	if (path == mkfs_paths + ARRAY_LEN(mkfs_paths))
		return err_set(e, -ENOENT, "mkfs.ext4 is not in this image");
	argv[0] = *path;
	r = worker_exec(argv, NULL, 0, NULL, &text, e);
	if (r < 0)
		return r;
	return r > 0 ? err_set(e, -EIO, "mkfs.ext4 ended with %d: %.200s", r, str_text(&text)) : 0;
}

static int mount_block(const struct storage_job *job, struct err *e)
{
	const Grpc__Storage *req = job->request;
	bool creates = false;
	struct stat st;
	int r;

	if (stat(job->device, &st) < 0)
		return err_set(e, -errno, "stat '%s'", job->device);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, -ENOTBLK, "'%s'", job->device);

	for (size_t i = 0; i < req->n_driver_options; i++) {
		/* Data meant to be encrypted must not land on a plain disk. */
		if (str_starts(req->driver_options[i], "encryption_key="))
			return err_set(e, -EOPNOTSUPP, "encrypted storage needs a data hub");
		creates |= streq(req->driver_options[i], "create_filesystem");
	}
	r = creates ? make_filesystem(job, e) : 0;
	return r < 0 ? r : storage_mount_job(job, job->device, NULL, 0, e);
}

const struct storage_driver storage_driver_block = {
	.name = "blk",
	.source = STORAGE_SOURCE_BLOCK,
	.mount = mount_block,
};
