/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers and mounts of storages, in a mount namespace of the test's own (root). */
#include "agent/storage.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "tests/test.h"

/* The directory that is "/run/kata-containers" here; on a tmpfs that only this process sees. */
#define TOP "/tmp"
#define RUN "/tmp/run"

static const struct storage_env env = {.run = RUN, .sysfs = "/sys"};

static bool begin(void)
{
	static bool is_private;

	if (!is_private) {
		if (unshare(CLONE_NEWNS) < 0)
			return false;
		CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
		is_private = true;
	} else {
		CHECK(chdir("/") == 0);
		(void)umount2(TOP, MNT_DETACH);
	}
	CHECK(mount("tmpfs", TOP, "tmpfs", 0, "mode=1777") == 0);
	CHECK(mkdir(RUN, 0755) == 0);
	return true;
}

#define BEGIN()                                                                                    \
	if (!begin())                                                                              \
	SKIP("a mount namespace needs root")

static char *text(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = {.in = s};

	return u.out;
}

static Grpc__Storage storage(const char *source, const char *fstype, char **options, size_t n)
{
	Grpc__Storage s = GRPC__STORAGE__INIT;

	s.source = text(source);
	s.fstype = text(fstype);
	s.options = options;
	s.n_options = n;
	return s;
}

static int run(const char *driver, const Grpc__Storage *s, const char *mount_point, struct err *e)
{
	const struct storage_job job = {
		.env = &env, .request = s, .owner = "c1", .mount_point = mount_point};

	*e = (struct err){0};
	return storage_driver_find(driver)->mount(&job, e);
}

static bool is_mounted(const char *path)
{
	cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && storage_is_mount(fd) == 1;
}

static void make_file(const char *path, mode_t mode)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	CHECK(fd >= 0);
}

TEST(paths_outside_the_areas_are_refused)
{
	static const char *const bad[] = {"",
					  "tmp/run/a",
					  "/tmp/run",
					  "/tmp/run/",
					  "/tmp/runx/a",
					  "/tmp/run/../a",
					  "/tmp/run/./a",
					  "/usr/bin",
					  "/run/user//tmp/run/a",
					  "/run/user/01/tmp/run/a",
					  "/run/user/x/tmp/run/a",
					  "/run/user/1/usr/bin"};
	struct err e = {0};
	char buf[256];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(storage_path_clean(&env, bad[i], buf, sizeof(buf), &e) < 0);
}

TEST(paths_inside_get_one_spelling)
{
	struct err e = {0};
	char buf[256];

	CHECK(storage_path_clean(&env, "/tmp//run/shared/containers/", buf, sizeof(buf), &e) == 0);
	CHECK_STR(buf, "/tmp/run/shared/containers");
	CHECK(storage_path_clean(&env, "/run/user/1000/tmp/run/a", buf, sizeof(buf), &e) == 0);
	CHECK_STR(buf, "/run/user/1000/tmp/run/a");
}

TEST(a_tmpfs_has_its_size_mode_and_flags)
{
	char *options[] = {text("noexec"),    text("nosuid"),       text("nodev"),
			   text("mode=1777"), text("size=1048576"), text("fsgid=77")};
	Grpc__Storage s = storage("shm", "tmpfs", options, ARRAY_LEN(options));
	struct statvfs vfs;
	struct stat st;
	struct err e;

	BEGIN();
	CHECK_INT(run("ephemeral", &s, RUN "/sandbox/shm", &e), 0);
	CHECK(statvfs(RUN "/sandbox/shm", &vfs) == 0);
	CHECK(vfs.f_blocks * vfs.f_frsize == 1048576);
	CHECK((vfs.f_flag & ST_NOEXEC) != 0 && (vfs.f_flag & ST_NOSUID) != 0);
	CHECK(stat(RUN "/sandbox/shm", &st) == 0);
	CHECK(st.st_gid == 77 && (st.st_mode & 07777) == (01777 | S_ISGID));
}

#define POOL TOP "/sys/kernel/mm/hugepages/hugepages-2048kB"

TEST(volumes_of_huge_pages_add_up_and_are_given_back)
{
	char *options[] = {text("pagesize=2097152,size=4194304")};
	Grpc__Storage s = storage("nodev", "hugetlbfs", options, 1);
	const struct storage_env fake = {.run = RUN, .sysfs = TOP "/sys"};
	struct storage_job job = {.env = &fake, .request = &s, .owner = ""};
	char pages[16] = {0};
	struct err e = {0};

	BEGIN();
	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK) < 0)
		SKIP("this kernel has no huge pages of 2 MiB");
	CHECK(path_mkdir_all(POOL, 0755) == 0);
	make_file(POOL "/nr_hugepages", 0644);
	CHECK(fd_write_str(AT_FDCWD, POOL "/nr_hugepages", "3") == 0);
	job.mount_point = RUN "/h1";
	CHECK_INT(storage_driver_find("ephemeral")->mount(&job, &e), 0);
	job.mount_point = RUN "/h2";
	CHECK_INT(storage_driver_find("ephemeral")->mount(&job, &e), 0);
	CHECK(is_mounted(RUN "/h1") && is_mounted(RUN "/h2"));
	CHECK(fd_read_line(AT_FDCWD, POOL "/nr_hugepages", pages, sizeof(pages)) > 0);
	CHECK_STR(pages, "7");

	CHECK_INT(storage_driver_find("ephemeral")->unmount(&fake, RUN "/h1", &e), 0);
	CHECK(!is_mounted(RUN "/h1"));
	CHECK(fd_read_line(AT_FDCWD, POOL "/nr_hugepages", pages, sizeof(pages)) > 0);
	CHECK_STR(pages, "5");
}

TEST(huge_pages_without_both_sizes_are_refused)
{
	static const char *const bad[] = {"", "pagesize=2097152", "size=4194304",
					  "pagesize=x,size=1"};
	struct err e;

	BEGIN();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *options[] = {text(bad[i])};
		Grpc__Storage s = storage("nodev", "hugetlbfs", options, 1);

		CHECK(run("ephemeral", &s, RUN "/h", &e) == -EINVAL);
	}
}

TEST(a_mounted_tmpfs_can_be_resized)
{
	char *small[] = {text("size=1048576")};
	char *big[] = {text("remount"), text("size=2M"), text("fsgid=5")};
	Grpc__Storage s = storage("tmpfs", "tmpfs", small, 1);
	struct statvfs vfs;
	struct err e;

	BEGIN();
	CHECK_INT(run("ephemeral", &s, RUN "/sandbox/ephemeral/v", &e), 0);
	s = storage("tmpfs", "tmpfs", big, ARRAY_LEN(big));
	s.mount_point = text(RUN "/sandbox/ephemeral/v");
	CHECK_INT(storage_ephemeral_update(&env, &s, &e), 0);
	CHECK(statvfs(RUN "/sandbox/ephemeral/v", &vfs) == 0);
	CHECK(vfs.f_blocks * vfs.f_frsize == 2097152);
}

TEST(a_resize_needs_a_mount_below_the_ephemeral_directory)
{
	char *big[] = {text("remount"), text("size=2M")};
	Grpc__Storage s = storage("tmpfs", "tmpfs", big, ARRAY_LEN(big));
	struct err e = {0};

	BEGIN();
	s.mount_point = text(RUN "/sandbox/ephemeral/none");
	CHECK(storage_ephemeral_update(&env, &s, &e) == -EINVAL);
	s.mount_point = text(RUN "/shared/x");
	CHECK(storage_ephemeral_update(&env, &s, &e) == -EINVAL);
}

TEST(a_file_system_that_is_there_already_is_not_mounted_again)
{
	Grpc__Storage s = storage("tmpfs", "tmpfs", NULL, 0);
	struct err e;

	BEGIN();
	CHECK_INT(run("ephemeral", &s, RUN "/a", &e), 0);
	make_file(RUN "/a/kept", 0644);
	CHECK_INT(run("ephemeral", &s, RUN "/a", &e), 0);
	CHECK(access(RUN "/a/kept", F_OK) == 0);
}

TEST(unknown_types_and_loops_are_refused)
{
	char *loop[] = {text("loop")};
	struct storage_mount m = {.source = "x", .fstype = "fuse.sshfs", .target = RUN "/a"};
	struct err e = {0};

	BEGIN();
	CHECK(storage_mount(&env, &m, &e) == -EINVAL);
	m.fstype = "tmpfs";
	m.options = loop;
	m.n_options = 1;
	CHECK(storage_mount(&env, &m, &e) == -EINVAL);
	m.n_options = 0;
	m.source = "";
	CHECK(storage_mount(&env, &m, &e) == -EINVAL);
	CHECK(access(RUN "/a", F_OK) < 0);
}

TEST(a_mount_point_is_never_reached_through_a_link)
{
	Grpc__Storage s = storage("tmpfs", "tmpfs", NULL, 0);
	struct err e;

	BEGIN();
	CHECK(mkdir(TOP "/outside", 0755) == 0);
	CHECK(symlink(TOP "/outside", RUN "/link") == 0);
	CHECK(run("ephemeral", &s, RUN "/link/a", &e) < 0);
	CHECK(run("ephemeral", &s, RUN "/link", &e) < 0);
	CHECK(access(TOP "/outside/a", F_OK) < 0);
	CHECK(!is_mounted(TOP "/outside"));
}

TEST(a_read_only_bind_is_read_only_and_takes_its_propagation)
{
	char *options[] = {text("rbind"), text("ro"), text("rprivate")};
	Grpc__Storage s = storage(RUN "/src", "bind", options, ARRAY_LEN(options));
	struct statvfs vfs;
	struct err e;

	BEGIN();
	CHECK(mkdir(RUN "/src", 0755) == 0);
	make_file(RUN "/src/file", 0644);
	CHECK_INT(run("bind", &s, RUN "/dst", &e), 0);
	CHECK(access(RUN "/dst/file", F_OK) == 0);
	CHECK(statvfs(RUN "/dst", &vfs) == 0 && (vfs.f_flag & ST_RDONLY) != 0);
	CHECK(statvfs(RUN "/src", &vfs) == 0 && (vfs.f_flag & ST_RDONLY) == 0);
}

TEST(a_file_is_bound_on_a_file)
{
	Grpc__Storage s = storage(RUN "/file", "bind", NULL, 0);
	struct err e = {0};
	struct stat st;

	BEGIN();
	make_file(RUN "/file", 0600);
	CHECK_INT(run("bind", &s, RUN "/dir/target", &e), 0);
	CHECK(stat(RUN "/dir/target", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(is_mounted(RUN "/dir/target"));
	CHECK_INT(storage_unmount(&env, RUN "/dir/target", &e), 0);
	CHECK(stat(RUN "/dir/target", &st) == 0);
	CHECK(!is_mounted(RUN "/dir/target"));
}

TEST(a_bind_takes_nothing_from_outside_the_areas)
{
	static const char *const sources[] = {
		"", ".", "/", "/proc/self/root", "/tmp/run/../etc", "/etc/passwd", "/dev/null"};
	struct err e;

	BEGIN();
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		Grpc__Storage s = storage(sources[i], "bind", NULL, 0);

		CHECK(run("bind", &s, RUN "/dst", &e) < 0);
	}
	CHECK(access(RUN "/dst", F_OK) < 0);
}

TEST(propagation_beside_a_real_file_system_is_a_call_of_its_own)
{
	char *options[] = {text("shared"), text("nodev")};
	Grpc__Storage s = storage("tmpfs", "tmpfs", options, ARRAY_LEN(options));
	cleanup_fclose FILE *f = NULL;
	bool is_shared = false;
	char line[1024];
	struct err e;

	BEGIN();
	CHECK_INT(run("ephemeral", &s, RUN "/a", &e), 0);
	f = fopen("/proc/self/mountinfo", "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		is_shared |= strstr(line, RUN "/a ") != NULL && strstr(line, "shared:") != NULL;
	CHECK(is_shared);
}

TEST(an_overlay_shows_its_layers)
{
	static const char layers[] = "lowerdir=" RUN "/l1:" RUN "/l2";
	char *options[] = {text(layers)};
	char *dirs[] = {text("io.katacontainers.volume.overlayfs.create_directory=" RUN "/l1"),
			text("io.katacontainers.volume.overlayfs.create_directory=" RUN "/l2")};
	Grpc__Storage s = storage("overlay", "overlay", options, 1);
	struct err e;

	BEGIN();
	s.driver_options = dirs;
	s.n_driver_options = 2;
	CHECK_INT(run("overlayfs", &s, RUN "/merged", &e), 0);
	CHECK(is_mounted(RUN "/merged"));
}

TEST(a_writable_overlay_gets_its_directories_in_the_bundle)
{
	char *options[] = {text("lowerdir=" RUN "/low"),
			   text("io.katacontainers.fs-opt.overlay-rw"),
			   text("io.katacontainers.fs-opt.other=1")};
	Grpc__Storage s = storage("none", "", options, ARRAY_LEN(options));
	struct err e;

	BEGIN();
	CHECK(mkdir(RUN "/low", 0755) == 0);
	make_file(RUN "/low/file", 0644);
	CHECK_INT(run("overlayfs", &s, RUN "/c1/merged", &e), 0);
	CHECK(access(RUN "/c1/merged/file", F_OK) == 0);
	make_file(RUN "/c1/merged/new", 0644);
	CHECK(access(RUN "/c1/upper/new", F_OK) == 0);
}

TEST(overlay_layers_come_from_the_areas_alone)
{
	char *options[] = {text("lowerdir=/etc")};
	Grpc__Storage s = storage("overlay", "overlay", options, 1);
	struct err e;

	BEGIN();
	CHECK(run("overlayfs", &s, RUN "/merged", &e) < 0);
	CHECK(!is_mounted(RUN "/merged"));
}

TEST(a_local_directory_has_its_mode_and_group)
{
	char *options[] = {text("mode=0777"), text("fsgid=12")};
	Grpc__Storage s = storage("local", "local", options, ARRAY_LEN(options));
	struct stat st;
	struct err e;

	BEGIN();
	CHECK_INT(run("local", &s, RUN "/shared/containers/s/rootfs/local/v", &e), 0);
	CHECK(stat(RUN "/shared/containers/s/rootfs/local/v", &st) == 0);
	CHECK(st.st_gid == 12 && (st.st_mode & 07777) == (0777 | S_ISGID));
}

TEST(a_block_storage_must_be_a_block_device)
{
	const struct storage_env e_env = env;
	Grpc__Storage s = storage("/dev/null", "ext4", NULL, 0);
	struct storage_job job = {.env = &e_env,
				  .request = &s,
				  .owner = "",
				  .mount_point = RUN "/a",
				  .device = "/dev/null"};
	struct err e = {0};

	BEGIN();
	CHECK(storage_driver_find("blk")->mount(&job, &e) == -ENOTBLK);
	job.device = RUN;
	CHECK(storage_driver_find("blk")->mount(&job, &e) == -ENOTBLK);
}

TEST(unmounting_removes_the_empty_directory_and_tolerates_nothing_mounted)
{
	Grpc__Storage s = storage("tmpfs", "tmpfs", NULL, 0);
	struct err e;

	BEGIN();
	CHECK_INT(run("ephemeral", &s, RUN "/a", &e), 0);
	CHECK_INT(storage_unmount(&env, RUN "/a", &e), 0);
	CHECK(access(RUN "/a", F_OK) < 0);
	CHECK_INT(storage_unmount(&env, RUN "/a", &e), 0);
}

TEST(unmounting_never_follows_a_link)
{
	struct err e = {0};

	BEGIN();
	CHECK(mkdir(TOP "/outside", 0755) == 0);
	CHECK(mount("tmpfs", TOP "/outside", "tmpfs", 0, NULL) == 0);
	CHECK(symlink(TOP "/outside", RUN "/a") == 0);
	CHECK_INT(storage_unmount(&env, RUN "/a", &e), 0);
	CHECK(is_mounted(TOP "/outside"));
	CHECK(symlink(TOP, RUN "/up") == 0);
	CHECK(storage_unmount(&env, RUN "/up/outside", &e) < 0);
	CHECK(is_mounted(TOP "/outside"));
}

static int group_walk(const char *path, bool is_readonly, bool only_on_mismatch)
{
	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct err e = {0};

	return storage_fsgroup(fd, 99, is_readonly, only_on_mismatch, &e);
}

TEST(a_group_walk_changes_files_and_directories_and_no_link_target)
{
	struct stat st;

	BEGIN();
	CHECK(mkdir(RUN "/v", 0700) == 0 && mkdir(RUN "/v/d", 0700) == 0);
	make_file(RUN "/v/d/f", 0600);
	CHECK(mkdir(TOP "/outside", 0700) == 0);
	make_file(TOP "/outside/secret", 0600);
	CHECK(symlink(TOP "/outside", RUN "/v/link") == 0);

	CHECK_INT(group_walk(RUN "/v", false, false), 0);
	CHECK(stat(RUN "/v/d/f", &st) == 0 && st.st_gid == 99 && (st.st_mode & 07777) == 0660);
	CHECK(stat(RUN "/v/d", &st) == 0 && st.st_gid == 99 && (st.st_mode & 07777) == 02770);
	CHECK(stat(TOP "/outside", &st) == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0700);
	CHECK(stat(TOP "/outside/secret", &st) == 0 && st.st_gid == 0);
	CHECK(lstat(RUN "/v/link", &st) == 0 && st.st_gid == 0);
}

TEST(a_group_walk_on_mismatch_leaves_a_fitting_root_alone)
{
	struct stat st;

	BEGIN();
	CHECK(mkdir(RUN "/v", 0700) == 0);
	make_file(RUN "/v/f", 0600);
	CHECK(chown(RUN "/v", 0, 99) == 0 && chmod(RUN "/v", 02770) == 0);
	CHECK_INT(group_walk(RUN "/v", false, true), 0);
	CHECK(stat(RUN "/v/f", &st) == 0 && st.st_gid == 0);
	CHECK_INT(group_walk(RUN "/v", false, false), 0);
	CHECK(stat(RUN "/v/f", &st) == 0 && st.st_gid == 99);
}

TEST(a_group_walk_does_not_cross_a_mount)
{
	struct stat st;

	BEGIN();
	CHECK(mkdir(RUN "/v", 0700) == 0 && mkdir(RUN "/v/other", 0700) == 0);
	CHECK(mount("tmpfs", RUN "/v/other", "tmpfs", 0, "mode=0700") == 0);
	CHECK_INT(group_walk(RUN "/v", true, false), 0);
	CHECK(stat(RUN "/v/other", &st) == 0 && st.st_gid == 0);
	CHECK(stat(RUN "/v", &st) == 0 && (st.st_mode & 07777) == 02750);
}

TEST(handlers_are_listed_by_name)
{
	CHECK(storage_driver_find("9p") == NULL);
	for (size_t i = 0; storage_handler_name(i) != NULL; i++)
		CHECK(storage_driver_find(storage_handler_name(i)) != NULL);
}
