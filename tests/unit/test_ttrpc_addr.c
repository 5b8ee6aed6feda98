/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text, listening and connecting over unix sockets, and the hybrid handshake. */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "tests/test.h"
#include "ttrpc/addr.h"

#define SECOND UINT64_C(1000000000)

static struct ttrpc_addr parsed(const char *text)
{
	struct ttrpc_addr a;
	struct err e = {0};

	assert_int_equal(ttrpc_addr_parse(text, &a, &e), 0);
	return a;
}

TEST(vsock_addresses_are_read)
{
	struct ttrpc_addr a = parsed("vsock://-1:1024");

	CHECK(a.kind == TTRPC_ADDR_VSOCK && a.cid == VMADDR_CID_ANY && a.port == 1024);
	a = parsed("vsock://3:4294967295");
	CHECK(a.cid == 3 && a.port == 0xffffffff);
}

TEST(unix_addresses_are_read)
{
	struct ttrpc_addr a = parsed("unix:///run/x.sock");

	CHECK(a.kind == TTRPC_ADDR_UNIX && !a.is_abstract);
	CHECK_STR(a.path, "/run/x.sock");
	a = parsed("unix://@name");
	CHECK(a.is_abstract);
	CHECK_STR(a.path, "name");
}

TEST(hybrid_addresses_have_a_default_port)
{
	struct ttrpc_addr a = parsed("hvsock:///run/vm.sock");

	CHECK(a.kind == TTRPC_ADDR_HYBRID && a.port == TTRPC_PORT);
	CHECK_STR(a.path, "/run/vm.sock");
	a = parsed("hvsock:///run/vm.sock:1026");
	CHECK_INT(a.port, 1026);
	CHECK_STR(a.path, "/run/vm.sock");
}

TEST(bad_addresses_are_refused)
{
	static const char *const bad[] = {"",
					  "x",
					  "vsock://",
					  "vsock://3",
					  "vsock://3:",
					  "vsock://-2:1",
					  "vsock://3:x",
					  "vsock://3:99999999999",
					  "unix://",
					  "unix://@",
					  "hvsock://",
					  "hvsock://a:b",
					  "hvsock://:1024",
					  "tcp://1.2.3.4:5"};
	struct ttrpc_addr a;
	char text[200];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		CHECK_INT(ttrpc_addr_parse(bad[i], &a, &e), -EINVAL);
		CHECK(e.msg[0] != '\0');
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:///", 8);
	text[sizeof(text) - 1] = '\0';
	{
		struct err e = {0};

		CHECK_INT(ttrpc_addr_parse(text, &a, &e), -EINVAL);
	}
}

struct place {
	char dir[32];
	char text[64];
	struct ttrpc_addr addr;
};

static void place_init(struct place *p, const char *scheme)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/pith-addr-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->text, sizeof(p->text), "%s%s/s", scheme, p->dir);
	p->addr = parsed(p->text);
}

static void place_done(const struct place *p)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "%s/s", p->dir);
	(void)unlink(path);
	(void)rmdir(p->dir);
}

TEST(a_listener_is_reached_and_both_ends_are_close_on_exec)
{
	struct err e = {0};
	struct place p;
	cleanup_close int server = -EBADF, client = -EBADF;

	place_init(&p, "unix://");
	CHECK_INT(ttrpc_addr_listen(&p.addr, &server, &e), 0);
	CHECK_INT(ttrpc_addr_connect(&p.addr, SECOND, &client, &e), 0);
	CHECK(client > 2 && server > 2);
	place_done(&p);
}

TEST(a_socket_left_behind_is_replaced_a_live_one_is_not)
{
	struct err e = {0};
	struct place p;
	cleanup_close int server = -EBADF, second = -EBADF;

	place_init(&p, "unix://");
	CHECK_INT(ttrpc_addr_listen(&p.addr, &server, &e), 0);
	CHECK_INT(ttrpc_addr_listen(&p.addr, &second, &e), -EADDRINUSE);
	server = fd_close(server);
	CHECK_INT(ttrpc_addr_listen(&p.addr, &second, &e), 0);
	place_done(&p);
}

TEST(another_file_at_the_path_is_left_alone)
{
	struct err e = {0};
	struct place p;
	struct stat st;
	cleanup_close int server = -EBADF;

	place_init(&p, "unix://");
	CHECK_INT(mknod(p.addr.path, S_IFREG | 0600, 0), 0);
	CHECK_INT(ttrpc_addr_listen(&p.addr, &server, &e), -EADDRINUSE);
	CHECK_INT(stat(p.addr.path, &st), 0);
	place_done(&p);
}

TEST(nobody_there_is_a_refusal)
{
	struct err e = {0};
	struct place p;
	int fd;

	place_init(&p, "unix://");
	CHECK_INT(ttrpc_addr_connect(&p.addr, SECOND, &fd, &e), -ENOENT);
	place_done(&p);
}

/* A VMM's side of the handshake in a child: takes one line, answers @reply. Return: its exit code: 0
 * when the line was as it must be. */
static pid_t serve(int listener, const char *reply)
{
	pid_t pid = fork();
	char line[64];
	ssize_t n;
	int fd;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	if (fd_set_nonblock(listener, false) < 0)
		_exit(1);
	fd = accept(listener, NULL, NULL);
	n = read(fd, line, sizeof(line));
	if (n != 13 || memcmp(line, "CONNECT 1026\n", 13) != 0)
		_exit(2);
	n = write(fd, reply, strlen(reply));
	_exit(n == (ssize_t)strlen(reply) ? 0 : 3);
}

static int handshake(const char *reply, int *ret_fd)
{
	struct err e = {0};
	struct place p;
	struct ttrpc_addr hybrid;
	cleanup_close int server = -EBADF;
	char text[160];
	int r, status;
	pid_t pid;

	place_init(&p, "unix://");
	assert_int_equal(ttrpc_addr_listen(&p.addr, &server, &e), 0);
	(void)snprintf(text, sizeof(text), "hvsock://%s:1026", p.addr.path);
	hybrid = parsed(text);
	pid = serve(server, reply);
	r = ttrpc_addr_connect(&hybrid, 10 * SECOND, ret_fd, &e);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	place_done(&p);
	return r;
}

TEST(bytes_behind_the_handshake_are_not_read)
{
	cleanup_close int fd = -EBADF;
	char rest[8] = "";

	CHECK_INT(handshake("OK 1073741824\nhello", &fd), 0);
	CHECK_INT(read(fd, rest, sizeof(rest)), 5);
	CHECK(memcmp(rest, "hello", 5) == 0);
}

TEST(a_close_without_an_answer_means_nobody_listens)
{
	int fd;

	CHECK_INT(handshake("", &fd), -ECONNREFUSED);
}

TEST(another_answer_is_a_protocol_error)
{
	int fd;

	CHECK_INT(handshake("NO\n", &fd), -EPROTO);
	CHECK_INT(
		handshake("0123456789012345678901234567890123456789012345678901234567890123456789",
			  &fd),
		-EPROTO);
}

TEST(a_silent_vmm_is_given_up)
{
	struct err e = {0};
	struct place p;
	struct ttrpc_addr hybrid;
	cleanup_close int server = -EBADF;
	char text[160];
	int fd;

	place_init(&p, "unix://");
	CHECK_INT(ttrpc_addr_listen(&p.addr, &server, &e), 0);
	(void)snprintf(text, sizeof(text), "hvsock://%s", p.addr.path);
	hybrid = parsed(text);
	CHECK_INT(ttrpc_addr_connect(&hybrid, SECOND / 50, &fd, &e), -ETIMEDOUT);
	place_done(&p);
}
