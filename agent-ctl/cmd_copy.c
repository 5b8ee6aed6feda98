/* SPDX-License-Identifier: Apache-2.0 */
/* cp: a file, link or folder of this machine into the guest's shared tree, in pieces. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "base/fd.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define SHARE_DIR   "/run/kata-containers/shared/containers"
#define PIECE       ((size_t)1 << 20)
#define DIR_MODE    0755
#define PATH_LENGTH ((size_t)PATH_MAX)
#define DEPTH_MAX   64

struct copy {
	struct actl *a;
	uint8_t *piece;
};

static int failed(const char *path)
{
	return actl_say(ACTL_FAILED, "%s: %s", path, strerrordesc_np(errno));
}

static void fill(Grpc__CopyFileRequest *q, const char *to, const struct stat *st)
{
	grpc__copy_file_request__init(q);
	q->path = (char *)(uintptr_t)to;
	q->file_mode = st->st_mode;
	q->dir_mode = DIR_MODE;
	q->uid = (int32_t)st->st_uid;
	q->gid = (int32_t)st->st_gid;
}

static int send_piece(struct copy *c, Grpc__CopyFileRequest *q, size_t n)
{
	q->data = (ProtobufCBinaryData){n, c->piece};
	return actl_call(c->a, "CopyFile", &q->base, NULL);
}

static int copy_regular(struct copy *c, int fd, const char *from, const char *to,
			const struct stat *st)
{
	Grpc__CopyFileRequest q;
	int code = ACTL_OK;

	fill(&q, to, st);
	q.file_size = st->st_size;
	do {
		size_t want = MIN(PIECE, (size_t)(st->st_size - q.offset));
		ssize_t n = fd_read_full(fd, c->piece, want);

		if (n < 0 || (size_t)n != want)
			return actl_say(ACTL_FAILED, "%s: it changed while being read", from);
		code = send_piece(c, &q, want);
		q.offset += n;
	} while (code == ACTL_OK && q.offset < st->st_size);
	return code;
}

static int copy_link(struct copy *c, int dirfd, const char *name, const char *to,
		     const struct stat *st)
{
	Grpc__CopyFileRequest q;
	ssize_t n = readlinkat(dirfd, name, (char *)c->piece, PIECE);

	if (n < 0)
		return failed(name);
	fill(&q, to, st);
	return send_piece(c, &q, (size_t)n);
}

static int copy_entry(struct copy *c, int dirfd, const char *name, const char *to, int depth);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the user's folders, at most DEPTH_MAX */
static int copy_folder(struct copy *c, int fd, const char *to, const struct stat *st, int depth)
{
	Grpc__CopyFileRequest q;
	cleanup_closedir DIR *d = NULL;
	const struct dirent *entry;
	int own = fd_dup_above(fd, 3);
	int code;

	fill(&q, to, st);
	code = send_piece(c, &q, 0);
	d = own >= 0 ? fdopendir(own) : NULL;
	if (d == NULL)
		return actl_say(ACTL_FAILED, "cannot list the folder for '%s'", to);
	while (code == ACTL_OK && (entry = readdir(d)) != NULL) {
		cleanup_free char *path = malloc(PATH_LENGTH);

		if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
			continue;
		if (path == NULL ||
		    snprintf(path, PATH_LENGTH, "%s/%s", to, entry->d_name) >= (int)PATH_LENGTH)
			return actl_say(ACTL_FAILED, "a path below '%s' is too long", to);
		code = copy_entry(c, fd, entry->d_name, path, depth + 1);
	}
	return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): see copy_folder */
static int copy_entry(struct copy *c, int dirfd, const char *name, const char *to, int depth)
{
	cleanup_close int fd = -EBADF;
	struct stat st;

	if (depth > DEPTH_MAX)
		return actl_say(ACTL_FAILED, "'%s' is more than %d folders deep", to, DEPTH_MAX);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(name);
	if (S_ISLNK(st.st_mode))
		return copy_link(c, dirfd, name, to, &st);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return actl_say(ACTL_FAILED, "%s: not a file, folder or symbolic link", name);
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(name);
	return S_ISDIR(st.st_mode) ? copy_folder(c, fd, to, &st, depth)
				   : copy_regular(c, fd, name, to, &st);
}

int cmd_cp(struct actl *a, int argc, char **argv)
{
	cleanup_free char *to = malloc(PATH_LENGTH);
	cleanup_free uint8_t *piece = malloc(PIECE);
	struct copy c = {.a = a, .piece = piece};
	const char *colon;
	int n;

	if (argc != 3)
		return actl_usage("cp");
	if (to == NULL || piece == NULL)
		return actl_say(ACTL_FAILED, "no memory");
	colon = strchr(argv[2], ':');
	/* NAME:/path lies below a folder NAME of the shared tree, :/path in the tree itself. */
	if (colon == NULL || colon[1] != '/')
		return actl_say(ACTL_USAGE, "'%s' is not [NAME]:/PATH", argv[2]);
	n = snprintf(to, PATH_LENGTH, "%s%s%.*s%s", SHARE_DIR, colon == argv[2] ? "" : "/",
		     (int)(colon - argv[2]), argv[2], colon + 1);
	if (n >= (int)PATH_LENGTH)
		return actl_say(ACTL_USAGE, "the path is too long");
	return copy_entry(&c, AT_FDCWD, argv[1], to, 0);
}
