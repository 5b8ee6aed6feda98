/* SPDX-License-Identifier: Apache-2.0 */
/* Plain bytes over the VM's vsock: the floor under everything that ttRPC carries. */
#include <poll.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "bench/host.h"
#include "ttrpc/addr.h"

#define BENCH_PORT   5000
#define CONNECT_NS   10000000000ull
#define MESSAGE_SIZE 16
#define BLOCK_SIZE   32768

static int open_command(const char *vsock, const char *command, struct err *e)
{
	struct ttrpc_addr addr = {.kind = TTRPC_ADDR_HYBRID, .port = BENCH_PORT};
	cleanup_close int fd = -EBADF;
	int r;

	if (str_copy(addr.path, sizeof(addr.path), vsock) < 0)
		return err_refuse(e, ERR_INVALID, "socket path '%s' is too long", vsock);
	r = ttrpc_addr_connect(&addr, CONNECT_NS, &fd, e);
	if (r < 0)
		return err_wrap(e, "floor server of the guest");
	r = fd_set_nonblock(fd, false);
	if (r == 0 && fd_write_full(fd, command, strlen(command)) < 0)
		r = -EPIPE;
	return r < 0 ? err_set(e, r, "send '%s'", command) : TAKE_FD(fd);
}

int bench_raw_echo(const char *vsock, unsigned rounds, double *ret_seconds, struct err *e)
{
	cleanup_close int fd = open_command(vsock, "echo\n", e);
	char out[MESSAGE_SIZE] = "0123456789abcde", in[MESSAGE_SIZE];
	uint64_t start;

	if (fd < 0)
		return fd;
	start = bench_now_ns();
	for (unsigned i = 0; i < rounds; i++) {
		out[0] = (char)('a' + i % 26);
		if (fd_write_full(fd, out, sizeof(out)) < 0 ||
		    fd_read_full(fd, in, sizeof(in)) != sizeof(in))
			return err_set(e, -EPIPE, "echo round %u", i);
		if (memcmp(out, in, sizeof(in)) != 0)
			return err_set(e, -EBADMSG, "echo round %u", i);
	}
	*ret_seconds = (double)(bench_now_ns() - start) / 1e9;
	return 0;
}

int bench_raw_source(const char *vsock, uint64_t bytes, double *ret_seconds, struct err *e)
{
	cleanup_close int fd = -EBADF;
	static char buf[65536];
	uint64_t start, got = 0;
	char command[48];

	(void)snprintf(command, sizeof(command), "source %llu\n", (unsigned long long)bytes);
	fd = open_command(vsock, command, e);
	if (fd < 0)
		return fd;
	start = bench_now_ns();
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0)
			return err_set(e, -errno, "read bulk data");
		if (n == 0)
			break;
		got += (uint64_t)n;
	}
	if (got != bytes)
		return err_set(e, -EPIPE, "%llu of %llu bytes came", (unsigned long long)got,
			       (unsigned long long)bytes);
	*ret_seconds = (double)(bench_now_ns() - start) / 1e9;
	return 0;
}

int bench_raw_blocks(const char *vsock, const char *what, uint64_t bytes, double *ret_seconds,
		     struct err *e)
{
	const char ask[MESSAGE_SIZE] = "0123456789abcde";
	cleanup_close int fd = -EBADF;
	static char buf[BLOCK_SIZE];
	char command[48];
	uint64_t start;

	(void)snprintf(command, sizeof(command), "%s %llu\n", what, (unsigned long long)bytes);
	fd = open_command(vsock, command, e);
	if (fd < 0)
		return fd;
	start = bench_now_ns();
	for (uint64_t got = 0; got < bytes; got += sizeof(buf))
		if (fd_write_full(fd, ask, sizeof(ask)) < 0 ||
		    fd_read_full(fd, buf, sizeof(buf)) != sizeof(buf))
			return err_set(e, -EPIPE, "block at %llu", (unsigned long long)got);
	*ret_seconds = (double)(bench_now_ns() - start) / 1e9;
	return 0;
}

int bench_raw_numbers(const char *vsock, const char *command, uint64_t ret[static 3], struct err *e)
{
	cleanup_close int fd = open_command(vsock, command, e);
	struct slice rest, word;
	char line[128];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fd_read_full(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return err_set(e, -EPIPE, "no answer to '%.*s'", (int)strcspn(command, "\n"),
			       command);
	rest = slice_trim((struct slice){line, (size_t)n});
	for (int i = 0; i < 3 && slice_cut(&rest, ' ', &word); i++)
		if (parse_slice_u64(word, &ret[i]) < 0)
			return err_set(e, -EBADMSG, "floor server: %.*s", (int)n, line);
	return 0;
}
