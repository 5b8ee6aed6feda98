/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: closing, moving, whole reads and writes, small files, passing over sockets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

/**
 * fd_close() - close once, never retried; negative fds are ignored; errno survives
 * Return: -EBADF always, so that `x->fd = fd_close(x->fd)` empties the field.
 */
int fd_close(int fd);

/* Duplicates @fd to the lowest free number >= @min (at least 3), CLOEXEC. Borrows @fd. Return: new fd or -errno. */
int fd_dup_above(int fd, int min) must_check;

/* Return: 0 or -errno. */
int fd_set_nonblock(int fd, bool on) must_check;
int fd_set_cloexec(int fd, bool on) must_check;

/* Reads or writes exactly @n bytes unless end of file or an error comes first. Return: bytes done or -errno. */
ssize_t fd_read_full(int fd, void *buf, size_t n) must_check;
ssize_t fd_write_full(int fd, const void *buf, size_t n) must_check;

/**
 * fd_read_file() - a whole small file (proc, sysfs, cgroup), NUL-terminated
 * @dirfd: AT_FDCWD or a directory fd; @path is opened O_RDONLY|O_CLOEXEC|O_NOCTTY
 * @cap:   size of @buf; a file of cap bytes or more gives -E2BIG
 * Return: bytes without the NUL, or -errno.
 */
ssize_t fd_read_file(int dirfd, const char *path, char *buf, size_t cap) must_check;

/* The same, and strips one trailing newline. */
ssize_t fd_read_line(int dirfd, const char *path, char *buf, size_t cap) must_check;

/* One write(2) of @data to an existing file, O_WRONLY|O_CLOEXEC|O_NOCTTY|O_NOFOLLOW, never created. Return: 0 or -errno. */
int fd_write_file(int dirfd, const char *path, const void *data, size_t n) must_check;
int fd_write_str(int dirfd, const char *path, const char *text) must_check;

/**
 * fd_send() - one message with up to FD_PASS_MAX fds by SCM_RIGHTS (MSG_NOSIGNAL)
 * Borrows the fds. Return: bytes sent or -errno.
 */
#define FD_PASS_MAX 16
ssize_t fd_send(int sock, const void *buf, size_t n, const int *fds, size_t n_fds) must_check;

/**
 * fd_recv() - one message and its fds (MSG_CMSG_CLOEXEC)
 * @fds: room for @max_fds; unused entries become -EBADF; fds beyond the room are closed
 * Owns: the caller owns the fds received.
 * Return: bytes (0: end of file) or -errno.
 */
ssize_t fd_recv(int sock, void *buf, size_t n, int *fds, size_t max_fds,
		size_t *ret_n_fds) must_check;

/* "/proc/self/fd/N", for calls that only take paths. @buf holds FD_PATH_MAX bytes. Return: @buf. */
#define FD_PATH_MAX sizeof("/proc/self/fd/-2147483648")
const char *fd_path(int fd, char buf[static FD_PATH_MAX]);

/* Whether two fds name the same open inode (st_dev, st_ino). Return: 1, 0 or -errno. */
int fd_same_inode(int a, int b) must_check;
