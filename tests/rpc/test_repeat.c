/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts do twice, late or at the same time: the answers, and that nothing piles up. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "tests/rpc/rpc.h"

static struct result by_id(const char *method, const char *id)
{
	Grpc__StatsContainerRequest req = GRPC__STATS_CONTAINER_REQUEST__INIT;

	/* The requests that are only an id share their wire form. */
	req.container_id = (char *)(uintptr_t)id;
	return call(method, &req.base);
}

TEST(removal_during_a_removal_waits_for_the_same_end)
{
	Grpc__RemoveContainerRequest req = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
	static struct open_call first, second;

	run_container("twice", "sleep 1000");
	req.container_id = (char[]){"twice"};
	call_open(world.client, &first, "RemoveContainer", &req.base, 0);
	call_open(world.client, &second, "RemoveContainer", &req.base, 0);
	call_finish(&first);
	call_finish(&second);
	CHECK_INT(first.code, 0);
	CHECK_INT(second.code, 0);
	EXPECT_TEXT(remove_container("twice", 0), 13, "Invalid container id twice");
}

TEST(removal_that_failed_half_way_goes_on_later_and_harms_nobody)
{
	char *before = traces();
	char path[160];

	run_container("half", "sleep 1000");
	(void)snprintf(path, sizeof(path), "%s/half/foreign", world.run_dir);
	CHECK(mkdir(path, 0755) == 0 && mount("tmpfs", path, "tmpfs", 0, NULL) == 0);
	EXPECT(remove_container("half", 0), 13);
	/* Its processes are gone; only a removal knows it any more. */
	EXPECT_TEXT(by_id("StatsContainer", "half"), 3, "Invalid container id half");
	EXPECT_TEXT(by_id("PauseContainer", "half"), 3, "Invalid container id half");
	EXPECT_TEXT(signal_process("half", "", 9), 13, "Invalid container id half");
	EXPECT_TEXT(start_container("half"), 13, "Invalid container id half");
	CHECK(umount(path) == 0);
	EXPECT(remove_container("half", 0), 0);
	traces_return_to(before);
}

TEST(container_whose_init_has_ended_is_updated_and_paused_without_an_error)
{
	Grpc__UpdateContainerRequest req = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

	run_container("ended", "exit 4");
	CHECK_INT(wait_process("ended", ""), 4);
	req.container_id = (char[]){"ended"};
	req.resources = &res;
	res.pids = &pids;
	pids.limit = 17;
	EXPECT(call("UpdateContainer", &req.base), 0);
	EXPECT(by_id("PauseContainer", "ended"), 0);
	EXPECT_TEXT(by_id("ResumeContainer", "ended"), 13, "not paused");
	EXPECT(remove_container("ended", 0), 0);
}

static Grpc__Storage tmpfs_storage(char *mount_point)
{
	static char driver[] = "ephemeral", type[] = "tmpfs";
	Grpc__Storage s = GRPC__STORAGE__INIT;

	s.driver = driver;
	s.source = type;
	s.fstype = type;
	s.mount_point = mount_point;
	return s;
}

static bool has_mount(const char *path)
{
	char name[64], line[4096];
	bool found = false;
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/mountinfo", (int)world.agent);
	f = fopen(name, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		found = found || strstr(line, path) != NULL;
	(void)fclose(f);
	return found;
}

TEST(sandbox_made_again_gives_back_what_the_first_one_held)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	char *lines[] = {(char[]){"nameserver 192.0.2.1"}};
	char path[160];
	Grpc__Storage s = tmpfs_storage(path), *list[] = {&s};
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/sandbox/again", world.run_dir);
	req.storages = list;
	req.n_storages = 1;
	req.dns = lines;
	req.n_dns = 1;
	EXPECT(call("CreateSandbox", &req.base), 0);
	CHECK(has_mount(path));
	CHECK(stat("/etc/resolv.conf", &st) < 0 || has_mount("/etc/resolv.conf"));

	req.n_storages = req.n_dns = 0;
	EXPECT(call("CreateSandbox", &req.base), 0);
	CHECK(!has_mount(path));
	CHECK(!has_mount("/etc/resolv.conf"));
	CHECK(agent_stop() == 0);
	agent_start("");
}

TEST(hostname_that_is_too_long_is_cut)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	char name[101], *text;

	memset(name, 'h', sizeof(name) - 1);
	name[100] = '\0';
	req.hostname = name;
	EXPECT(call("CreateSandbox", &req.base), 0);
	run_container("long-name", "hostname");
	text = read_all("long-name", "", false, NULL);
	name[64] = '\n';
	name[65] = '\0';
	CHECK_STR(text, name);
	free(text);
	EXPECT(remove_container("long-name", 0), 0);
	CHECK(agent_stop() == 0);
	agent_start("");
}

static void group_file(const char *controller, const char *id, const char *name, char path[256])
{
	(void)snprintf(path, 256, "/sys/fs/cgroup/%s%s%s/%s", world.is_v2 ? "" : controller,
		       world.cgroup, id, name);
}

TEST(plugged_processors_reach_the_groups_above_a_cpuset)
{
	Grpc__OnlineCPUMemRequest req = GRPC__ONLINE_CPUMEM_REQUEST__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
	char path[256], own[256], online[64] = "", text[64] = "";
	struct spec s;

	CHECK(fd_read_line(AT_FDCWD, "/sys/devices/system/cpu/online", online, sizeof(online)) > 0);
	spec_init(&s, "cpus", "sleep 1000");
	cpu.cpus = (char[]){"0"};
	s.resources.cpu = &cpu;
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	group_file("cpuset", "", "cpuset.cpus", path);
	group_file("cpuset", "/cpus", "cpuset.cpus", own);
	/* As if the others had not been there when it was made. */
	CHECK(fd_write_str(AT_FDCWD, path, "0") == 0);

	req.nb_cpus = 1;
	req.cpu_only = true;
	EXPECT(call("OnlineCPUMem", &req.base), 0);
	CHECK(fd_read_line(AT_FDCWD, path, text, sizeof(text)) > 0);
	CHECK_STR(text, online);
	CHECK(fd_read_line(AT_FDCWD, own, text, sizeof(text)) > 0);
	CHECK_STR(text, "0");
	EXPECT(remove_container("cpus", 0), 0);
}

TEST(guests_console_is_among_the_devices_of_a_container)
{
	char *caps[] = {(char[]){"CAP_MKNOD"}};
	Grpc__LinuxCapabilities set = GRPC__LINUX_CAPABILITIES__INIT;
	struct spec s;
	char *text;

	set.bounding = set.effective = set.permitted = caps;
	set.n_bounding = set.n_effective = set.n_permitted = 1;
	spec_init(&s, "console",
		  "cd /dev; for n in 1 64; do mknod d$n c 5 $n && (: <d$n) 2>&1; done; "
		  "mknod kmsg c 1 11 && (: <kmsg) 2>&1");
	s.process.capabilities = &set;
	/* A tmpfs without nodev. */
	s.oci.mounts[1]->n_options = 0;
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(start_container("console"), 0);
	text = read_all("console", "", false, NULL);
	CHECK(strstr(text, "d1: Operation not permitted") == NULL);
	CHECK(strstr(text, "d64: Operation not permitted") != NULL);
	CHECK(strstr(text, "kmsg: Operation not permitted") != NULL);
	free(text);
	EXPECT(remove_container("console", 0), 0);
}
