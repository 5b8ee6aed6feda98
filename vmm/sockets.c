/* SPDX-License-Identifier: Apache-2.0 */
/* Makes unix sockets; sends nothing. */
#include "vmm/sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/str.h"

#define BACKLOG 512

int vmm_socket_listen(const char *path, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_close int fd = -EBADF;
	mode_t old;
	int r;

	if (str_copy(sa.sun_path, sizeof(sa.sun_path), path) < 0)
		return err_refuse(e, ERR_INVALID, "socket path '%s' is too long", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "unix socket");
	old = umask(0177);
	r = bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	(void)umask(old);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return err_set(e, r < 0 ? r : -errno, "listen on '%s'", path);
	return TAKE_FD(fd);
}

int vmm_socket_pair_listening(int *ret_listen, int *ret_connected, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_close int l = -EBADF, c = -EBADF;
	socklen_t len = sizeof(sa_family_t);

	l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The kernel picks an abstract name, which is seen in our own network namespace only: unix(7). */
	if (l < 0 || c < 0 || bind(l, (const struct sockaddr *)&sa, len) < 0 || listen(l, 1) < 0)
		return err_set(e, -errno, "unix socket");
	len = sizeof(sa);
	if (getsockname(l, (struct sockaddr *)&sa, &len) < 0 ||
	    connect(c, (const struct sockaddr *)&sa, len) < 0)
		return err_set(e, -errno, "unix socket");
	*ret_listen = TAKE_FD(l);
	*ret_connected = TAKE_FD(c);
	return 0;
}

int vmm_socket_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (str_copy(sa.sun_path, sizeof(sa.sun_path), path) < 0)
		return -ENAMETOOLONG;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return TAKE_FD(fd);
}
