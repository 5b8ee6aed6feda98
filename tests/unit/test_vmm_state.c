/* SPDX-License-Identifier: Apache-2.0 */
/* The VM's folder: written, read back, leftovers recognised and cleared. */
#include "tests/test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "vmm/state.h"

static char dir[] = "/tmp/pith-state-XXXXXX";

static void open_dir(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(setenv("PITH_RUN_DIR", dir, 1), 0);
}

static void close_dir(void)
{
	int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(path_remove_tree(tmp, path_base(dir)), 0);
	(void)close(tmp);
}

static struct vmm_state sample(pid_t keeper)
{
	return (struct vmm_state){.name = "a",
				  .keeper = keeper,
				  .keeper_start = vmm_start_time(keeper),
				  .qemu = 7,
				  .uid = 1879048547,
				  .accel = "tcg",
				  .accel_why = "asked for",
				  .cgroup = "v2",
				  .kernel = "/k \"quoted\"",
				  .initrd = "/i",
				  .memory = 1ULL << 34,
				  .cpus = 2,
				  .seccomp = true};
}

TEST(what_is_written_is_read_back)
{
	struct vmm_state s = sample(getpid()), t;
	struct err e = {0};

	open_dir();
	CHECK_INT(vmm_state_create("a", &e), 0);
	CHECK_INT(vmm_state_write(&s, &e), 0);
	CHECK_INT(vmm_state_read("a", &t, &e), 0);
	CHECK(streq(t.name, "a") && t.keeper == s.keeper && t.keeper_start == s.keeper_start);
	CHECK(t.uid == s.uid && t.memory == s.memory && t.cpus == 2 && t.seccomp && t.qemu == 7);
	CHECK(streq(t.kernel, s.kernel) && streq(t.accel, "tcg") && streq(t.cgroup, "v2"));
	close_dir();
}

TEST(a_running_vm_keeps_its_name)
{
	struct vmm_state s = sample(getpid());
	struct err e = {0};

	open_dir();
	CHECK_INT(vmm_state_create("a", &e), 0);
	CHECK_INT(vmm_state_write(&s, &e), 0);
	CHECK_INT(vmm_state_create("a", &e), -EEXIST);
	close_dir();
}

TEST(a_folder_whose_keeper_is_gone_is_cleared)
{
	struct vmm_state s = sample(getpid());
	struct err e = {0};

	/* The pid lives, but it is not the process that was meant. */
	s.keeper_start++;
	open_dir();
	CHECK_INT(vmm_state_create("a", &e), 0);
	CHECK_INT(vmm_state_write(&s, &e), 0);
	CHECK_INT(vmm_state_create("a", &e), 0);
	CHECK_INT(vmm_state_read("a", &s, &e), -ENOENT);
	close_dir();
}

TEST(a_damaged_file_is_refused)
{
	char path[VMM_PATH_MAX];
	struct vmm_state s;
	struct err e = {0};
	int fd;

	open_dir();
	CHECK_INT(vmm_state_create("a", &e), 0);
	CHECK_INT(vmm_state_path("a", "state.json", path, &e), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write(fd, "{\"keeper_pid\":\"x\"}", 18) == 18);
	(void)close(fd);
	CHECK_INT(vmm_state_read("a", &s, &e), -EINVAL);
	close_dir();
}

TEST(a_name_that_leaves_the_folder_is_refused)
{
	struct vmm_state s;
	struct err e = {0};

	open_dir();
	CHECK_INT(vmm_state_read("../a", &s, &e), -EINVAL);
	CHECK_INT(vmm_state_read("", &s, &e), -EINVAL);
	close_dir();
}
