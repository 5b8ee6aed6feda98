/* SPDX-License-Identifier: Apache-2.0 */
/* Address text to sockets. Everything here blocks at most as long as the caller said. */
#include "ttrpc/addr.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/str.h"

union sock_addr {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_vm vm;
};

/* "OK <number>\n" with room for any number a VMM may print. */
#define HANDSHAKE_MAX 64

/* ---- text ---- */

static int set_path(struct ttrpc_addr *a, struct slice path, const char *text, struct err *e)
{
	if (path.n == 0)
		return err_refuse(e, ERR_INVALID, "address '%s' has no path", text);
	if (path.n >= sizeof(a->path))
		return err_refuse(e, ERR_INVALID, "address '%s' is longer than %zu bytes", text,
				  sizeof(a->path) - 1);
	memcpy(a->path, path.p, path.n);
	a->path[path.n] = '\0';
	return 0;
}

static int parse_port(struct slice s, uint32_t *ret)
{
	uint64_t v;

	if (parse_slice_u64(s, &v) < 0 || v > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

static int parse_vsock(struct slice s, struct ttrpc_addr *a, const char *text, struct err *e)
{
	struct slice cid;

	if (!slice_cut(&s, ':', &cid) || s.p == NULL || parse_port(s, &a->port) < 0)
		return err_refuse(e, ERR_INVALID, "address '%s' is not vsock://CID:PORT", text);
	if (slice_eq(cid, "-1"))
		a->cid = VMADDR_CID_ANY;
	else if (parse_port(cid, &a->cid) < 0)
		return err_refuse(e, ERR_INVALID, "address '%s' has a bad CID", text);
	return 0;
}

static int parse_hybrid(struct slice s, struct ttrpc_addr *a, const char *text, struct err *e)
{
	const char *colon = memrchr(s.p, ':', s.n);

	a->port = TTRPC_PORT;
	if (colon != NULL) {
		struct slice port = {.p = colon + 1, .n = s.n - (size_t)(colon + 1 - s.p)};

		if (parse_port(port, &a->port) < 0)
			return err_refuse(e, ERR_INVALID, "address '%s' has a bad port", text);
		s.n = (size_t)(colon - s.p);
	}
	return set_path(a, s, text, e);
}

int ttrpc_addr_parse(const char *text, struct ttrpc_addr *ret, struct err *e)
{
	struct ttrpc_addr a = {0};
	int r;

	if (str_starts(text, "vsock://")) {
		a.kind = TTRPC_ADDR_VSOCK;
		r = parse_vsock(slice_of(text + strlen("vsock://")), &a, text, e);
	} else if (str_starts(text, "unix://")) {
		const char *path = text + strlen("unix://");

		a.kind = TTRPC_ADDR_UNIX;
		a.is_abstract = path[0] == '@';
		r = set_path(&a, slice_of(path + a.is_abstract), text, e);
	} else if (str_starts(text, "hvsock://")) {
		a.kind = TTRPC_ADDR_HYBRID;
		r = parse_hybrid(slice_of(text + strlen("hvsock://")), &a, text, e);
	} else {
		r = err_refuse(e, ERR_INVALID,
			       "address '%s' starts with none of vsock://, unix://, hvsock://",
			       text);
	}
	if (r == 0)
		*ret = a;
	return r;
}

static socklen_t to_sockaddr(const struct ttrpc_addr *a, union sock_addr *ret)
{
	size_t n = strlen(a->path);

	*ret = (union sock_addr){0};
	if (a->kind == TTRPC_ADDR_VSOCK) {
		ret->vm.svm_family = AF_VSOCK;
		ret->vm.svm_cid = a->cid;
		ret->vm.svm_port = a->port;
		return sizeof(ret->vm);
	}
	ret->un.sun_family = AF_UNIX;
	/* An abstract name starts with a NUL and is as long as the address says: unix(7). */
	memcpy(ret->un.sun_path + a->is_abstract, a->path, MIN(n, sizeof(a->path) - 1));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

static int new_socket(const struct ttrpc_addr *a, int flags)
{
	int family = a->kind == TTRPC_ADDR_VSOCK ? AF_VSOCK : AF_UNIX;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? -errno : fd;
}

/* ---- server ---- */

/* Removes a socket file that nobody listens on. Return: 0 when it is worth binding again. */
static int remove_stale(const struct ttrpc_addr *a, const union sock_addr *sa, socklen_t n)
{
	cleanup_close int fd = -EBADF;
	struct stat st;

	if (a->kind != TTRPC_ADDR_UNIX || a->is_abstract)
		return -EADDRINUSE;
	if (lstat(a->path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = new_socket(a, SOCK_NONBLOCK);
	if (fd < 0)
		return fd;
	if (connect(fd, &sa->any, n) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(a->path) < 0 ? -errno : 0;
}

static int bind_socket(int fd, const struct ttrpc_addr *a)
{
	union sock_addr sa;
	socklen_t n = to_sockaddr(a, &sa);
	int r;

	if (bind(fd, &sa.any, n) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	r = remove_stale(a, &sa, n);
	if (r < 0)
		return r;
	return bind(fd, &sa.any, n) < 0 ? -errno : 0;
}

int ttrpc_addr_listen(const struct ttrpc_addr *a, int *ret_fd, struct err *e)
{
	cleanup_close int fd = -EBADF;
	int r;

	if (a->kind == TTRPC_ADDR_HYBRID)
		return err_refuse(e, ERR_INVALID, "a hybrid vsock address cannot be listened on");
	fd = new_socket(a, SOCK_NONBLOCK);
	if (fd < 0)
		return err_set(e, fd, "create listening socket");
	r = bind_socket(fd, a);
	if (r < 0)
		return err_set(e, r, "bind listening socket");
	if (listen(fd, SOMAXCONN) < 0)
		return err_set(e, -errno, "listen");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- client ---- */

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do {
		uint64_t now = loop_now_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		struct timespec ts = {(time_t)(left / 1000000000), (long)(left % 1000000000)};

		n = ppoll(&p, 1, &ts, NULL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* A unix connect waits for room in the backlog only as a blocking call, bounded by SO_SNDTIMEO. */
static int connect_unix(int fd, const union sock_addr *sa, socklen_t n, uint64_t timeout_ns)
{
	struct timeval tv = {(time_t)(timeout_ns / 1000000000),
			     (suseconds_t)(timeout_ns % 1000000000 / 1000)};

	if (tv.tv_sec == 0 && tv.tv_usec == 0)
		tv.tv_usec = 1; /* 0 would be for ever */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	if (connect(fd, &sa->any, n) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return fd_set_nonblock(fd, true);
}

static int connect_vsock(int fd, const union sock_addr *sa, socklen_t n, uint64_t deadline_ns)
{
	int error = 0, r = fd_set_nonblock(fd, true);
	socklen_t size = sizeof(error);

	if (r < 0)
		return r;
	if (connect(fd, &sa->any, n) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(fd, POLLOUT, deadline_ns);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

/* One byte at a time: what follows the newline belongs to the server behind it. */
static int read_line(int fd, char *buf, size_t size, uint64_t deadline_ns)
{
	for (size_t i = 0; i < size - 1;) {
		ssize_t n = read(fd, buf + i, 1);

		if (n == 0)
			return -ECONNREFUSED;
		if (n < 0 && errno == EAGAIN) {
			int r = wait_for(fd, POLLIN, deadline_ns);

			if (r < 0)
				return r;
		} else if (n < 0 && errno != EINTR) {
			/* Closing with our line unread resets the stream: a refusal all the same. */
			return errno == ECONNRESET ? -ECONNREFUSED : -errno;
		} else if (n == 1 && buf[i++] == '\n') {
			buf[i - 1] = '\0';
			return 0;
		}
	}
	return -EPROTO;
}

static int handshake(int fd, uint32_t port, uint64_t deadline_ns, struct err *e)
{
	char line[HANDSHAKE_MAX];
	int n = snprintf(line, sizeof(line), "CONNECT %u\n", port);
	int r;

	/* A fresh socket has room for this many bytes. */
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return err_set(e, -errno, "send CONNECT %u", port);
	r = read_line(fd, line, sizeof(line), deadline_ns);
	if (r == -ECONNREFUSED)
		return err_set(e, r, "nobody listens on port %u of the guest", port);
	if (r < 0)
		return err_set(e, r, "read the answer to CONNECT %u", port);
	if (!str_starts(line, "OK"))
		return err_set(e, -EPROTO, "CONNECT %u was not answered with OK", port);
	return 0;
}

int ttrpc_addr_connect(const struct ttrpc_addr *a, uint64_t timeout_ns, int *ret_fd, struct err *e)
{
	uint64_t deadline = loop_now_ns() + timeout_ns;
	cleanup_close int fd = -EBADF;
	union sock_addr sa;
	socklen_t n = to_sockaddr(a, &sa);
	int r;

	fd = new_socket(a, 0);
	if (fd < 0)
		return err_set(e, fd, "create socket");
	if (a->kind == TTRPC_ADDR_VSOCK)
		r = connect_vsock(fd, &sa, n, deadline);
	else
		r = connect_unix(fd, &sa, n, timeout_ns);
	if (r < 0 && a->kind == TTRPC_ADDR_VSOCK)
		return err_set(e, r, "connect to vsock CID %u port %u", a->cid, a->port);
	if (r < 0)
		return err_set(e, r, "connect to '%s%s'", a->is_abstract ? "@" : "", a->path);
	if (a->kind == TTRPC_ADDR_HYBRID) {
		r = handshake(fd, a->port, deadline, e);
		if (r < 0)
			return r;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
