/* SPDX-License-Identifier: Apache-2.0 */
/* Health.Check over the VM's unix socket, as fixed bytes. Parses no protobuf. */
#include "vmm/agent_wait.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/str.h"

/* ttRPC: length, stream 1, request; service "grpc.Health", method "Check". */
static const char request[] = "\0\0\0\x14\0\0\0\x01\x01\0\x0a\x0bgrpc.Health\x12\x05"
			      "Check";
/* Stream 1, response, no flags; and status 1 is SERVING. */
static const char reply_head[] = "\0\0\0\x01\x02\0";
static const char serving[] = "\x08\x01";

#define REPLY_MAX 128

/* Reads until @want bytes are there, @stop was seen, or time is up. Return: bytes or -EAGAIN. */
static ssize_t read_until(int fd, char *buf, size_t want, int stop, uint64_t deadline_ns)
{
	size_t n = 0;

	while (n < want) {
		uint64_t now = loop_now_ns();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t r;

		if (now >= deadline_ns ||
		    poll(&p, 1, (int)((deadline_ns - now) / 1000000) + 1) <= 0)
			return -EAGAIN;
		/* Byte by byte while a line is read: what follows it is not ours to take. */
		r = read(fd, buf + n, stop >= 0 ? 1 : want - n);
		if (r <= 0)
			return -EAGAIN;
		n += (size_t)r;
		if (stop >= 0 && buf[n - 1] == stop)
			break;
	}
	return (ssize_t)n;
}

int vmm_agent_check(const char *socket_path, int timeout_ms)
{
	uint64_t deadline = loop_now_ns() + (uint64_t)timeout_ms * 1000000;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_close int fd = -EBADF;
	char line[32], reply[REPLY_MAX];
	size_t size;

	if (str_copy(sa.sun_path, sizeof(sa.sun_path), socket_path) < 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return errno == ECONNREFUSED || errno == ENOENT ? -EAGAIN : -errno;

	size = (size_t)snprintf(line, sizeof(line), "CONNECT %d\n", VMM_AGENT_PORT);
	if (send(fd, line, size, MSG_NOSIGNAL) != (ssize_t)size ||
	    read_until(fd, line, sizeof(line) - 1, '\n', deadline) < 3 || !str_starts(line, "OK "))
		return -EAGAIN;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1)
		return -EAGAIN;

	/* The header is 10 bytes, the length its first four, big endian. */
	if (read_until(fd, reply, 10, -1, deadline) != 10 ||
	    memcmp(reply + 4, reply_head, 6) != 0 || memcmp(reply, "\0\0\0", 3) != 0)
		return -EAGAIN;
	size = (unsigned char)reply[3];
	if (size < 2 || size > sizeof(reply) ||
	    read_until(fd, reply, size, -1, deadline) != (ssize_t)size)
		return -EAGAIN;
	return memcmp(reply + size - 2, serving, 2) == 0 ? 0 : -EAGAIN;
}
