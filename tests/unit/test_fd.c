/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/test.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

TEST(close_empties_the_field_and_keeps_errno)
{
	int fd = memfd_create("x", MFD_CLOEXEC), old = fd;

	errno = EPERM;
	fd = fd_close(fd);
	CHECK(fd == -EBADF && errno == EPERM);
	CHECK(fd_close(-1) == -EBADF && errno == EPERM);
	CHECK(!is_open(old));
}

TEST(dup_lands_above_the_minimum_with_cloexec)
{
	cleanup_close int fd = fd_dup_above(0, 50);
	cleanup_close int low = fd_dup_above(0, 0);

	CHECK(fd >= 50 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(low >= 3);
	CHECK(fd_dup_above(-1, 0) == -EBADF);
}

TEST(flags_go_on_and_off)
{
	cleanup_close int fd = memfd_create("x", MFD_CLOEXEC);

	CHECK(fd_set_nonblock(fd, true) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	CHECK(fd_set_nonblock(fd, false) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
	CHECK(fd_set_cloexec(fd, false) == 0 && fcntl(fd, F_GETFD) == 0);
	CHECK(fd_set_cloexec(fd, true) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
}

TEST(a_short_file_reads_as_far_as_it_goes)
{
	cleanup_close int fd = memfd_create("x", MFD_CLOEXEC);
	char buf[10];

	CHECK(fd_write_full(fd, "abc", 3) == 3);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	CHECK(fd_read_full(fd, buf, sizeof(buf)) == 3);
	CHECK(memcmp(buf, "abc", 3) == 0);
}

TEST(a_file_as_large_as_the_buffer_is_too_big)
{
	cleanup_close int fd = memfd_create("x", MFD_CLOEXEC);
	char path[FD_PATH_MAX], buf[5];

	CHECK(fd_write_full(fd, "abcd", 4) == 4);
	CHECK(fd_read_file(AT_FDCWD, fd_path(fd, path), buf, 5) == 4);
	CHECK_STR(buf, "abcd");
	CHECK(fd_read_file(AT_FDCWD, path, buf, 4) == -E2BIG);
	CHECK(fd_read_file(AT_FDCWD, "/nonexistent/x", buf, 5) == -ENOENT);
}

TEST(read_line_strips_one_newline)
{
	cleanup_close int fd = memfd_create("x", MFD_CLOEXEC);
	char path[FD_PATH_MAX], buf[8];

	CHECK(fd_write_full(fd, "a\n\n", 3) == 3);
	CHECK(fd_read_line(AT_FDCWD, fd_path(fd, path), buf, sizeof(buf)) == 2);
	CHECK_STR(buf, "a\n");
}

TEST(write_file_never_creates_and_never_follows)
{
	char dir[] = "/tmp/pith-fd-XXXXXX";
	cleanup_close int dirfd = -EBADF;

	CHECK(mkdtemp(dir) != NULL);
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd_write_str(dirfd, "absent", "x") == -ENOENT);
	CHECK(symlinkat("/dev/null", dirfd, "link") == 0);
	CHECK(fd_write_str(dirfd, "link", "x") == -ELOOP);
	CHECK(unlinkat(dirfd, "link", 0) == 0 && rmdir(dir) == 0);
}

TEST(fds_pass_over_a_socket_with_cloexec)
{
	cleanup_close int fd = memfd_create("x", MFD_CLOEXEC);
	int pair[2], got[3] = {1, 1, 1}, send[2] = {fd, fd};
	size_t n = 0;
	char c;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(fd_send(pair[0], "x", 1, send, 2) == 1);
	CHECK(fd_recv(pair[1], &c, 1, got, 3, &n) == 1);
	CHECK(c == 'x' && n == 2 && got[2] == -EBADF);
	CHECK(fd_same_inode(fd, got[0]) == 1 && fd_same_inode(pair[0], got[1]) == 0);
	CHECK(fcntl(got[0], F_GETFD) == FD_CLOEXEC);
	(void)fd_close(got[0]);
	(void)fd_close(got[1]);
	(void)fd_close(pair[0]);
	CHECK(fd_recv(pair[1], &c, 1, got, 3, &n) == 0 && n == 0);
	(void)fd_close(pair[1]);
}

TEST(fds_beyond_the_room_are_closed)
{
	cleanup_close int probe = -EBADF;
	int pair[2], got[1], send[3], next;
	size_t n = 0;
	char c;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	for (int i = 0; i < 3; i++)
		send[i] = pair[0];
	CHECK(fd_send(pair[0], "x", 1, send, 3) == 1);
	next = fd_dup_above(0, 3);
	(void)fd_close(next);
	CHECK(fd_recv(pair[1], &c, 1, got, 1, &n) == 1 && n == 1);
	/* Only the one received now sits at the lowest free number. */
	CHECK(got[0] == next);
	probe = fd_dup_above(0, 3);
	CHECK(probe == next + 1);
	(void)fd_close(got[0]);
	(void)fd_close(pair[0]);
	(void)fd_close(pair[1]);
}

TEST(too_many_fds_are_refused_before_sending)
{
	int fds[FD_PASS_MAX + 1] = {0};

	CHECK(fd_send(-1, "x", 1, fds, FD_PASS_MAX + 1) == -EINVAL);
}

TEST(sending_to_a_closed_peer_is_an_error_and_no_signal)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	(void)fd_close(pair[1]);
	CHECK(fd_send(pair[0], "x", 1, NULL, 0) == -EPIPE);
	(void)fd_close(pair[0]);
}
