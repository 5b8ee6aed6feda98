/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a container: create, start, wait, remove, and what each refuses. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rpc/rpc.h"

static void ended(const char *id)
{
	EXPECT(remove_container(id, 10), 0);
}

TEST(container_runs_prints_and_exits_with_its_code)
{
	char *text;

	run_container("c-run", "echo hello; echo oops >&2; exit 7");
	text = read_all("c-run", "", false, NULL);
	CHECK_STR(text, "hello\n");
	free(text);
	text = read_all("c-run", "c-run", true, NULL);
	CHECK_STR(text, "oops\n");
	free(text);
	CHECK_INT(wait_process("c-run", ""), 7);
	ended("c-run");
}

TEST(second_wait_is_refused_at_once_with_5)
{
	run_container("c-wait", "exit 3");
	CHECK_INT(wait_process("c-wait", "c-wait"), 3);
	CHECK_INT(wait_process("c-wait", ""), -5);
	EXPECT_TEXT(signal_process("c-wait", "", SIGTERM), 5, "Process not found");
	EXPECT(signal_process("c-wait", "", SIGKILL), 0);
	ended("c-wait");
}

TEST(container_that_never_started_is_killed_waited_for_and_removed)
{
	struct spec s;

	spec_init(&s, "c-created", "exit 0");
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(signal_process("c-created", "", SIGKILL), 0);
	CHECK_INT(wait_process("c-created", ""), 137);
	CHECK_INT(wait_process("c-created", ""), -5);
	EXPECT(remove_container("c-created", 0), 0);
}

TEST(removal_delivers_the_code_to_parked_waiters)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	Grpc__WaitProcessResponse *msg;
	static struct open_call w;

	run_container("c-kill", "sleep 1000");
	req.container_id = (char[]){"c-kill"};
	call_open(world.client, &w, "WaitProcess", &req.base, 0);
	ended("c-kill");
	call_finish(&w);
	CHECK(w.code == 0);
	msg = grpc__wait_process_response__unpack(NULL, w.n, w.data);
	CHECK(msg != NULL && msg->status == 137);
	grpc__wait_process_response__free_unpacked(msg, NULL);
	EXPECT_TEXT(remove_container("c-kill", 0), 13, "Invalid container id c-kill");
}

TEST(duplicate_id_is_refused_and_the_first_lives_on)
{
	struct spec s;

	run_container("c-dup", "read x; exit 4");
	spec_init(&s, "c-dup", "exit 0");
	EXPECT_TEXT(spec_create(&s), 6, "container c-dup already exists");
	spec_done(&s);
	EXPECT(write_stdin("c-dup", "", "go\n", 3), 0);
	CHECK_INT(wait_process("c-dup", ""), 4);
	ended("c-dup");
}

TEST(start_is_refused_twice_and_after_the_end)
{
	run_container("c-start", "read x");
	EXPECT(start_container("c-start"), 9);
	EXPECT(close_stdin("c-start", ""), 0);
	CHECK_INT(wait_process("c-start", ""), 1);
	EXPECT(start_container("c-start"), 9);
	ended("c-start");
	EXPECT_TEXT(start_container("c-start"), 13, "Invalid container id c-start");
}

TEST(unknown_containers_get_the_codes_hosts_expect)
{
	Grpc__StatsContainerRequest stats = GRPC__STATS_CONTAINER_REQUEST__INIT;
	Grpc__ReadStreamRequest read = GRPC__READ_STREAM_REQUEST__INIT;
	Grpc__PauseContainerRequest pause = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
	Grpc__ResumeContainerRequest resume = GRPC__RESUME_CONTAINER_REQUEST__INIT;
	Grpc__UpdateContainerRequest update = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
	Grpc__TtyWinResizeRequest resize = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;

	stats.container_id = (char[]){"nobody"};
	read.container_id = pause.container_id = resume.container_id = update.container_id =
		resize.container_id = stats.container_id;
	read.len = 10;
	EXPECT_TEXT(call("StatsContainer", &stats.base), 3, "Invalid container id nobody");
	EXPECT(call("ReadStdout", &read.base), 3);
	EXPECT(call("ReadStderr", &read.base), 3);
	EXPECT(call("PauseContainer", &pause.base), 3);
	EXPECT(call("ResumeContainer", &resume.base), 3);
	EXPECT(call("UpdateContainer", &update.base), 3);
	EXPECT(call("TtyWinResize", &resize.base), 3);
	EXPECT(close_stdin("nobody", ""), 3);
	EXPECT(signal_process("nobody", "", SIGTERM), 3);
	EXPECT(signal_process("nobody", "", SIGKILL), 13);
	CHECK_INT(wait_process("nobody", ""), -3);
	EXPECT(exec_process("nobody", "e", "true", false), 13);
	EXPECT(write_stdin("nobody", "", "x", 1), 13);
	EXPECT(remove_container("nobody", 0), 13);
}

TEST(signal_numbers_outside_the_kernels_are_refused)
{
	run_container("c-sig", "sleep 1000");
	EXPECT(signal_process("c-sig", "", 65), 3);
	EXPECT(signal_process("c-sig", "", 0), 0);
	EXPECT(signal_process("c-sig", "ghost", SIGTERM), 5);
	/* sh as pid 1 neither catches nor ignores it: Kata makes it a kill. */
	EXPECT(signal_process("c-sig", "", SIGTERM), 0);
	CHECK_INT(wait_process("c-sig", ""), 137);
	ended("c-sig");
}

TEST(paused_container_refuses_exec_and_resumes)
{
	Grpc__PauseContainerRequest pause = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
	Grpc__ResumeContainerRequest resume = GRPC__RESUME_CONTAINER_REQUEST__INIT;

	run_container("c-pause", "sleep 1000");
	pause.container_id = resume.container_id = (char[]){"c-pause"};
	EXPECT_TEXT(call("ResumeContainer", &resume.base), 13, "not paused");
	EXPECT(call("PauseContainer", &pause.base), 0);
	EXPECT_TEXT(call("PauseContainer", &pause.base), 13, "failed to pause container");
	EXPECT(exec_process("c-pause", "e1", "true", false), 9);
	EXPECT(call("ResumeContainer", &resume.base), 0);
	EXPECT(exec_process("c-pause", "e1", "exit 5", false), 0);
	CHECK_INT(wait_process("c-pause", "e1"), 5);
	EXPECT(call("PauseContainer", &pause.base), 0);
	ended("c-pause");
}

TEST(statistics_and_update_reach_the_group)
{
	Grpc__StatsContainerRequest stats = GRPC__STATS_CONTAINER_REQUEST__INIT;
	Grpc__UpdateContainerRequest update = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
	Grpc__StatsContainerResponse *msg;
	struct result r;

	run_container("c-stats", "sleep 1000");
	stats.container_id = update.container_id = (char[]){"c-stats"};
	EXPECT(call("UpdateContainer", &update.base), 0); /* nothing to change */
	pids.limit = 33;
	res.pids = &pids;
	update.resources = &res;
	EXPECT(call("UpdateContainer", &update.base), 0);
	r = call("StatsContainer", &stats.base);
	EXPECT(r, 0);
	msg = grpc__stats_container_response__unpack(NULL, r.n, r.payload);
	CHECK(msg != NULL && msg->cgroup_stats != NULL);
	CHECK(msg->cgroup_stats->pids_stats->limit == 33);
	CHECK(msg->cgroup_stats->pids_stats->current >= 1);
	CHECK(msg->cgroup_stats->memory_stats->usage->usage > 0);
	CHECK(msg->cgroup_stats->memory_stats->n_stats > 0);
	grpc__stats_container_response__free_unpacked(msg, NULL);
	ended("c-stats");
}

TEST(kill_of_all_takes_execs_too)
{
	run_container("c-all", "sleep 1000");
	EXPECT(exec_process("c-all", "e1", "sleep 1000", false), 0);
	EXPECT(signal_process("c-all", "", SIGKILL), 0);
	CHECK_INT(wait_process("c-all", "e1"), 137);
	CHECK_INT(wait_process("c-all", ""), 137);
	EXPECT(signal_process("c-all", "", SIGKILL), 0);
	ended("c-all");
}

TEST(fifty_containers_come_and_go)
{
	for (int i = 0; i < 50; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "many-%d", i);
		run_container(id, "exit 1");
		CHECK_INT(wait_process(id, ""), 1);
		ended(id);
	}
}

TEST(shared_pid_namespace_of_the_sandbox_is_joined)
{
	struct spec s;
	char *text;

	run_container("p-first", "sleep 1000");
	spec_init(&s, "p-second", "ps | grep -c 'sleep 1000'; true");
	s.req.sandbox_pidns = true;
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(start_container("p-second"), 0);
	text = read_all("p-second", "", false, NULL);
	CHECK(strtol(text, NULL, 10) >= 1);
	free(text);
	CHECK_INT(wait_process("p-second", ""), 0);
	ended("p-second");
	ended("p-first");
}
