/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that misbehave: others are served in their normal time, no fd stays behind. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/loop.h"
#include "proto/health.pb-c.h"
#include "tests/rpc/rpc.h"

static void health_is_quick(void)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	uint64_t start = loop_now_ns();

	EXPECT(call_on(world.client, "grpc.Health", "Check", &req.base, SECONDS(5)), 0);
	CHECK(loop_now_ns() - start < SECONDS(1));
}

/* The agent notices a closed connection in its own time. */
static void fds_return_to(unsigned want)
{
	for (int i = 0; i < 200 && agent_fds() > want; i++)
		loop_for(20);
	CHECK(agent_fds() <= want);
}

TEST(three_hundred_connections_are_served_and_leave_no_fd)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	static struct ttrpc_client *c[300];
	unsigned fds = agent_fds();

	for (size_t i = 0; i < 300; i++)
		c[i] = agent_connect();
	for (size_t i = 0; i < 300; i++)
		EXPECT(call_on(c[i], "grpc.Health", "Check", &req.base, SECONDS(5)), 0);
	health_is_quick();
	for (size_t i = 0; i < 300; i++)
		ttrpc_client_free(c[i]);
	fds_return_to(fds);
	health_is_quick();
}

TEST(garbage_bytes_disturb_nobody)
{
	static const char junk[] = "GET / HTTP/1.1\r\nHost: agent\r\n\r\n\xff\xfe\xfd\x01\x02";
	unsigned fds = agent_fds();

	for (int i = 0; i < 50; i++) {
		int fd = agent_connect_fd();

		CHECK(fd >= 0);
		CHECK(send(fd, junk, sizeof(junk) - (size_t)(i % 7), MSG_NOSIGNAL) > 0);
		(void)close(fd);
	}
	health_is_quick();
	fds_return_to(fds);
}

TEST(request_that_is_no_message_is_refused)
{
	struct ttrpc_answer a = {0};
	static char bad[] = "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01 and more";

	CHECK(ttrpc_client_call(world.client, "grpc.AgentService", "CreateContainer",
				(struct slice){bad, sizeof(bad)}, SECONDS(5), &a,
				&(struct err){0}) == 0);
	CHECK(a.code == 3);
	ttrpc_answer_done(&a);
	health_is_quick();
}

TEST(text_that_is_not_utf8_is_refused_and_names_the_field)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;

	req.container_id = (char[]){"\xc3\x28"};
	EXPECT_TEXT(call("StartContainer", &req.base), 3, "container_id");
}

TEST(five_hundred_parked_reads_do_not_delay_health)
{
	static struct open_call reads[500];
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;
	struct ttrpc_client *c = agent_connect();
	unsigned fds;

	run_container("t-park", "sleep 1000");
	fds = agent_fds() - 1;
	req.container_id = (char[]){"t-park"};
	req.len = 100;
	for (size_t i = 0; i < 500; i++)
		call_open(c, &reads[i], "ReadStdout", &req.base, 0);
	loop_for(100);
	health_is_quick();
	ttrpc_client_free(c); /* with everything parked */
	fds_return_to(fds);
	EXPECT(remove_container("t-park", 10), 0);
}

TEST(unpacked_request_that_explodes_is_stopped_at_the_cap)
{
	size_t n = 4000000;
	char *bomb = malloc(n);
	struct ttrpc_answer a = {0};

	/* storages = 5: two million empty messages, each over a hundred bytes once unpacked */
	CHECK(bomb != NULL);
	for (size_t i = 0; i + 1 < n; i += 2) {
		bomb[i] = 0x2a;
		bomb[i + 1] = 0;
	}
	CHECK(ttrpc_client_call(world.client, "grpc.AgentService", "CreateContainer",
				(struct slice){bomb, n}, SECONDS(20), &a, &(struct err){0}) == 0);
	CHECK(a.code == 8);
	ttrpc_answer_done(&a);
	free(bomb);
	health_is_quick();
}

TEST(slow_container_creation_delays_nobody)
{
	Grpc__Hooks hooks = GRPC__HOOKS__INIT;
	char *args[] = {(char[]){"sleep"}, (char[]){"1"}};
	Grpc__Hook h = GRPC__HOOK__INIT, *list[] = {&h};
	static struct open_call o;
	struct spec s;

	run_container("t-other", "sleep 1000");
	spec_init(&s, "t-slow", "exit 0");
	h.path = (char[]){"/bin/sleep"};
	h.args = args;
	h.n_args = 2;
	hooks.prestart = list;
	hooks.n_prestart = 1;
	s.oci.hooks = &hooks;
	call_open(world.client, &o, "CreateContainer", &s.req.base, 0);
	loop_for(100);
	health_is_quick();
	EXPECT(exec_process("t-other", "e", "exit 3", false), 0);
	CHECK_INT(wait_process("t-other", "e"), 3);
	CHECK(!o.is_done);
	call_finish(&o);
	CHECK(o.code == 0);
	spec_done(&s);
	EXPECT(remove_container("t-slow", 10), 0);
	EXPECT(remove_container("t-other", 10), 0);
}
