/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent leaves with init, seen from init's end of the socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/journal.h"
#include "base/fd.h"
#include "base/init_proto.h"
#include "tests/rpc/rpc.h"

static int sock = -EBADF;
static struct entry {
	char key[INIT_KEY_MAX]; /* "": free */
	int fds[INIT_FDS_MAX];
	size_t n;
} store[64];

static struct entry *entry(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(store); i++) {
		if (strcmp(store[i].key, key) == 0)
			return &store[i];
	}
	return NULL;
}

static void drop(struct entry *en)
{
	for (size_t i = 0; en != NULL && i < en->n; i++)
		CHECK(close(en->fds[i]) == 0);
	if (en != NULL)
		*en = (struct entry){0};
}

static size_t n_entries(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(store); i++)
		n += store[i].key[0] != '\0';
	return n;
}

static void begin(void)
{
	int pair[2];

	CHECK(agent_stop() == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	sock = pair[0];
	agent_start_under("", pair[1]);
	CHECK(close(pair[1]) == 0);
}

/* Takes in what has been sent: the agent sends before it answers. */
static void take_in(void)
{
	for (;;) {
		struct init_msg m = {0};
		int fds[INIT_FDS_MAX];
		size_t n_fds = 0;
		ssize_t n;

		CHECK(fd_set_nonblock(sock, true) == 0);
		n = fd_recv(sock, &m, sizeof(m), fds, INIT_FDS_MAX, &n_fds);
		if (n <= 0)
			return;
		CHECK(n == (ssize_t)sizeof(m));
		if (m.type != INIT_MSG_FD_PUT && m.type != INIT_MSG_FD_DEL)
			continue;
		drop(entry(m.key));
		if (m.type == INIT_MSG_FD_PUT) {
			struct entry *en = entry("");

			CHECK(en != NULL && n_fds > 0);
			memcpy(en->key, m.key, sizeof(en->key));
			memcpy(en->fds, fds, n_fds * sizeof(*fds));
			en->n = n_fds;
		}
	}
}

static void end(void)
{
	CHECK(agent_stop() == 0);
	for (size_t i = 0; i < ARRAY_LEN(store); i++)
		drop(&store[i]);
	CHECK(close(sock) == 0);
	agent_start("");
}

static size_t n_kept(const char *key)
{
	const struct entry *en;

	take_in();
	en = entry(key);
	return en != NULL ? en->n : 0;
}

static struct journal_record record(const char *key)
{
	struct journal_record rec = {0};
	const struct entry *en;

	CHECK(n_kept(key) > 0);
	en = entry(key);
	CHECK(en != NULL);
	CHECK(pread(en->fds[0], &rec, sizeof(rec), 0) == (ssize_t)sizeof(rec));
	CHECK(rec.magic == JOURNAL_MAGIC && rec.version == JOURNAL_VERSION);
	return rec;
}

TEST(container_and_its_processes_are_kept_by_init_until_they_are_gone)
{
	struct journal_record rec;
	char *text;

	begin();
	run_container("kept", "echo out; echo err >&2; read x; exit 3");
	rec = record("kept");
	CHECK_STR(rec.id, "kept");
	CHECK(rec.state == 2); /* running */
	CHECK(n_kept("kept//ns0") > 0 && rec.ns != 0);
	rec = record("kept/kept");
	CHECK(rec.is_init == 1 && rec.pid > 0 && rec.has_exited == 0);
	CHECK(n_kept("kept/kept") == 3); /* record, pidfd, stdout */
	CHECK(n_kept("kept/kept/in") == 1 && n_kept("kept/kept/err") == 1);

	EXPECT(exec_process("kept", "beside", "exit 9", false), 0);
	CHECK(record("kept/beside").is_init == 0);
	CHECK_INT(wait_process("kept", "beside"), 9);
	/* The record goes when the reply is on its way. */
	for (int i = 0; i < 500 && n_kept("kept/beside") > 0; i++)
		loop_for(10);
	CHECK(n_kept("kept/beside") == 0 && n_kept("kept/beside/in") == 0);

	EXPECT(write_stdin("kept", "", "\n", 1), 0);
	EXPECT(close_stdin("kept", ""), 0);
	CHECK(n_kept("kept/kept/in") == 0);
	text = read_all("kept", "", false, NULL);
	CHECK_STR(text, "out\n");
	free(text);
	CHECK(n_kept("kept/kept/out-ring") == 1);
	/* The code is with init before anybody has asked for it. */
	for (int i = 0; i < 500 && record("kept/kept").has_exited == 0; i++)
		loop_for(10);
	rec = record("kept/kept");
	CHECK(rec.has_exited == 1 && rec.exit_code == 3);
	CHECK(record("kept").state == 4); /* stopped */

	EXPECT(remove_container("kept", 0), 0);
	take_in();
	CHECK(n_entries() == 0);
	end();
}

TEST(sandbox_namespaces_are_kept_by_init)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;

	begin();
	req.sandbox_id = (char[]){"box"};
	EXPECT(call("CreateSandbox", &req.base), 0);
	CHECK_STR(record("/sandbox").id, "box");
	CHECK(n_kept("/sandbox") == 3);
	end();
}
