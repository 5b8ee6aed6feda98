/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptor helpers. Never logs; a failure is an errno. */
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_close(int fd)
{
	cleanup_close_fn(&fd);
	return -EBADF;
}

int fd_dup_above(int fd, int min)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, MAX(min, 3));

	return r < 0 ? -errno : r;
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

ssize_t fd_read_full(int fd, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, (char *)buf + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t fd_write_full(int fd, const void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = write(fd, (const char *)buf + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t fd_read_file(int dirfd, const char *path, char *buf, size_t cap)
{
	cleanup_close int fd = -EBADF;
	ssize_t n;

	if (cap == 0)
		return -E2BIG;
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	n = fd_read_full(fd, buf, cap);
	if (n < 0)
		return n;
	if ((size_t)n == cap)
		return -E2BIG;
	buf[n] = '\0';
	return n;
}

ssize_t fd_read_line(int dirfd, const char *path, char *buf, size_t cap)
{
	ssize_t n = fd_read_file(dirfd, path, buf, cap);

	if (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return n;
}

int fd_write_file(int dirfd, const char *path, const void *data, size_t n)
{
	cleanup_close int fd = -EBADF;
	ssize_t r;

	fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	do
		r = write(fd, data, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	/* Control files take a value whole or not at all: a second write would be another value. */
	return (size_t)r == n ? 0 : -EIO;
}

int fd_write_str(int dirfd, const char *path, const char *text)
{
	return fd_write_file(dirfd, path, text, strlen(text));
}

ssize_t fd_send(int sock, const void *buf, size_t n, const int *fds, size_t n_fds)
{
	union {
		char bytes[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r;

	if (n_fds > FD_PASS_MAX)
		return -EINVAL;
	/* sendmsg only reads through iov_base, whose type cannot say so. */
	memcpy(&iov.iov_base, &buf, sizeof(buf));
	if (n_fds > 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = (socklen_t)CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		r = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static size_t take_fds(const struct cmsghdr *c, int *fds, size_t n, size_t max_fds)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (n < max_fds)
			fds[n++] = fd;
		else
			(void)fd_close(fd);
	}
	return n;
}

ssize_t fd_recv(int sock, void *buf, size_t n, int *fds, size_t max_fds, size_t *ret_n_fds)
{
	union {
		char bytes[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t n_fds = 0;
	ssize_t r;

	do {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;

	for (size_t i = 0; i < max_fds; i++)
		fds[i] = -EBADF;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			n_fds = take_fds(c, fds, n_fds, max_fds);
	}
	*ret_n_fds = n_fds;
	return r;
}

const char *fd_path(int fd, char buf[static FD_PATH_MAX])
{
	(void)snprintf(buf, FD_PATH_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

int fd_same_inode(int a, int b)
{
	struct stat sa, sb;

	if (fstat(a, &sa) < 0 || fstat(b, &sb) < 0)
		return -errno;
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}
