/* SPDX-License-Identifier: Apache-2.0 */
/* Events, the end of the sandbox, and settings that change what requests do. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "proto/health.pb-c.h"
#include "tests/rpc/rpc.h"

static void open_oom(struct ttrpc_client *c, struct open_call *o)
{
	Grpc__GetOOMEventRequest req = GRPC__GET_OOMEVENT_REQUEST__INIT;

	call_open(c, o, "GetOOMEvent", &req.base, 0);
}

static bool event_names(const struct open_call *o, const char *id)
{
	return o->code == 0 && o->n == strlen(id) + 2 && memcmp(o->data + 2, id, strlen(id)) == 0;
}

/* More memory than the limit, in a child, so that init lives on. */
static void run_hog(const char *id)
{
	Grpc__LinuxMemory mem = GRPC__LINUX_MEMORY__INIT;
	struct spec s;

	spec_init(&s, id, "tail /dev/zero; sleep 1000");
	mem.limit = 16 << 20;
	s.resources.memory = &mem;
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(start_container(id), 0);
}

TEST(out_of_memory_is_told_once_to_one_caller)
{
	static struct open_call a, b;

	open_oom(world.client, &a);
	open_oom(world.client, &b);
	run_hog("oom-1");
	call_finish(&a);
	CHECK(event_names(&a, "oom-1"));
	loop_for(200);
	CHECK(!b.is_done);
	EXPECT(exec_process("oom-1", "again", "tail /dev/zero", false), 0);
	call_finish(&b);
	CHECK(event_names(&b, "oom-1"));
	CHECK_INT(wait_process("oom-1", "again"), 137);
	EXPECT(remove_container("oom-1", 10), 0);
}

TEST(out_of_memory_waits_for_somebody_who_takes_it)
{
	struct ttrpc_client *c = agent_connect();
	static struct open_call a;

	open_oom(c, &a);
	loop_for(50);
	ttrpc_client_free(c);
	run_hog("oom-2");
	loop_for(500);
	open_oom(world.client, &a);
	call_finish(&a);
	CHECK(event_names(&a, "oom-2"));
	EXPECT(remove_container("oom-2", 10), 0);
}

static struct result destroy(void)
{
	Grpc__DestroySandboxRequest req = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

	return call("DestroySandbox", &req.base);
}

TEST(sandbox_is_destroyed_with_its_containers_and_the_agent_ends)
{
	static struct open_call oom, wait;
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	int status = -1;

	run_container("end-1", "sleep 1000");
	run_container("end-2", "sleep 1000");
	req.container_id = (char[]){"end-1"};
	open_oom(world.client, &oom);
	call_open(world.client, &wait, "WaitProcess", &req.base, 0);
	EXPECT(destroy(), 0);
	call_finish(&oom);
	CHECK(oom.code == 13);
	call_finish(&wait);
	CHECK(wait.code == 0);
	CHECK(waitpid(world.agent, &status, 0) == world.agent);
	agent_check_status(status);
	ttrpc_client_free(world.client);
	agent_start("");
	CHECK(status == 0);
}

TEST(endpoints_table_blocks_what_it_does_not_list)
{
	Grpc__GuestDetailsRequest details = GRPC__GUEST_DETAILS_REQUEST__INIT;
	Grpc__CheckRequest check = GRPC__CHECK_REQUEST__INIT;

	CHECK(agent_restart("[endpoints]\nallowed = [\n  \"GuestDetailsRequest\",\n]\n") == 0);
	EXPECT(call("GetGuestDetails", &details.base), 0);
	EXPECT_TEXT(start_container("any"), 7, "StartContainerRequest is blocked by policy");
	EXPECT_TEXT(destroy(), 7, "DestroySandboxRequest is blocked by policy");
	EXPECT(call_on(world.client, "grpc.Health", "Check", &check.base, 0), 0);
	CHECK(agent_restart("") == 0);
}

TEST(seccomp_default_confines_a_spec_that_has_no_profile)
{
	char *text;

	run_container("sec-off", "grep Seccomp: /proc/self/status");
	text = read_all("sec-off", "", false, NULL);
	CHECK(strstr(text, "0") != NULL);
	free(text);
	EXPECT(remove_container("sec-off", 10), 0);

	CHECK(agent_restart("seccomp_default = true\n") == 0);
	run_container("sec-on", "grep Seccomp: /proc/self/status; unshare -U true; echo $?");
	text = read_all("sec-on", "", false, NULL);
	CHECK(strstr(text, "Seccomp:\t2") != NULL);
	CHECK(strstr(text, "\n1\n") != NULL);
	free(text);
	EXPECT(remove_container("sec-on", 10), 0);
	CHECK(agent_restart("") == 0);
}

TEST(dns_lines_replace_the_guests_resolv_conf)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	char *lines[] = {(char[]){" nameserver 192.0.2.1 "}, (char[]){"search example"}};
	char path[64], text[128] = "";
	struct stat st;
	FILE *f;

	if (stat("/etc/resolv.conf", &st) < 0)
		SKIP("this machine has no /etc/resolv.conf");
	req.dns = lines;
	req.n_dns = 2;
	EXPECT(call("CreateSandbox", &req.base), 0);
	EXPECT(call("CreateSandbox", &req.base), 0); /* not one over the other */
	(void)snprintf(path, sizeof(path), "/proc/%d/root/etc/resolv.conf", (int)world.agent);
	f = fopen(path, "re");
	CHECK(f != NULL && fread(text, 1, sizeof(text) - 1, f) > 0);
	(void)fclose(f);
	CHECK_STR(text, "nameserver 192.0.2.1\nsearch example");
	CHECK(agent_restart("") == 0);
}

TEST(guest_hooks_of_the_image_run_with_those_of_the_spec)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	char path[160], mark[160];
	struct stat st;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/hooks", world.dir);
	CHECK(mkdir(path, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/hooks/prestart", world.dir);
	CHECK(mkdir(path, 0755) == 0);
	(void)snprintf(mark, sizeof(mark), "%s/hook-ran", world.dir);
	(void)snprintf(path, sizeof(path), "%s/hooks/prestart/mark.sh", world.dir);
	f = fopen(path, "we");
	CHECK(f != NULL && fprintf(f, "#!/bin/sh\necho \"$1\" >%s\n", mark) > 0 && fclose(f) == 0);
	CHECK(chmod(path, 0755) == 0);

	(void)snprintf(path, sizeof(path), "%s/hooks", world.dir);
	req.guest_hook_path = path;
	EXPECT(call("CreateSandbox", &req.base), 0);
	run_container("hooked", "exit 0");
	EXPECT(remove_container("hooked", 10), 0);
	CHECK(stat(mark, &st) == 0 && st.st_size == (off_t)strlen("prestart\n"));
	CHECK(agent_restart("") == 0);
}
