/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/str.h"
#include "tests/test.h"
#include "tests/torture.h"

struct tmp {
	char path[32];
	int fd;
};

static void tmp_open(struct tmp *t)
{
	(void)snprintf(t->path, sizeof(t->path), "/tmp/pith-path-XXXXXX");
	CHECK(mkdtemp(t->path) != NULL);
	t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(t->fd >= 0);
}

static void tmp_close(struct tmp *t)
{
	t->fd = fd_close(t->fd);
	CHECK(path_remove_tree(AT_FDCWD, "x-not-there") == 0);
	t->fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(path_remove_tree(t->fd, path_base(t->path)) == 0);
	t->fd = fd_close(t->fd);
	CHECK(access(t->path, F_OK) < 0);
}

static void touch(const struct tmp *t, const char *name)
{
	int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	(void)fd_close(fd);
}

static bool is_dir(const struct tmp *t, const char *name)
{
	struct stat st;

	return fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Opens and closes. Return: 0 or -errno. */
static int try_in(const struct tmp *t, const char *path)
{
	int fd = path_open_in(t->fd, path, O_PATH, 0);

	(void)fd_close(fd);
	return MIN(fd, 0);
}

static int try_beneath(const struct tmp *t, const char *path, bool no_symlinks)
{
	int fd = path_open_beneath(t->fd, path, O_PATH, 0, no_symlinks);

	(void)fd_close(fd);
	return MIN(fd, 0);
}

TEST(absolute_links_and_dotdot_stay_in_the_root)
{
	struct tmp t;

	tmp_open(&t);
	touch(&t, "file");
	CHECK(symlinkat("/file", t.fd, "abs") == 0);
	CHECK(symlinkat("/etc/passwd", t.fd, "out") == 0);
	CHECK(try_in(&t, "abs") == 0);
	CHECK(try_in(&t, "../../../file") == 0);
	CHECK(try_in(&t, "out") == -ENOENT);
	tmp_close(&t);
}

TEST(magic_links_are_never_followed)
{
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(path_open_in(proc, "self/fd/0", O_PATH, 0) == -ELOOP);
	CHECK(path_open_beneath(proc, "self/root", O_PATH, 0, false) == -ELOOP);
}

TEST(beneath_refuses_every_way_out)
{
	struct tmp t;

	tmp_open(&t);
	touch(&t, "file");
	CHECK(symlinkat("/file", t.fd, "abs") == 0);
	CHECK(symlinkat("file", t.fd, "rel") == 0);
	CHECK(try_beneath(&t, "file", true) == 0);
	CHECK(try_beneath(&t, "../x", false) == -EXDEV);
	CHECK(try_beneath(&t, "/file", false) == -EXDEV);
	CHECK(try_beneath(&t, "abs", false) == -EXDEV);
	CHECK(try_beneath(&t, "rel", false) == 0);
	CHECK(try_beneath(&t, "rel", true) == -ELOOP);
	tmp_close(&t);
}

TEST(cached_open_finds_what_was_just_made_and_follows_no_link)
{
	struct tmp t;
	int fd;

	tmp_open(&t);
	CHECK(mkdirat(t.fd, "d", 0755) == 0);
	CHECK(symlinkat("d", t.fd, "l") == 0);
	fd = path_open_cached(t.fd, "d", O_PATH | O_DIRECTORY);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	(void)fd_close(fd);
	CHECK(path_open_cached(t.fd, "l", O_PATH | O_DIRECTORY) < 0);
	CHECK(path_open_cached(t.fd, "../etc", O_PATH | O_DIRECTORY) < 0);
	tmp_close(&t);
}

TEST(open_creates_with_the_mode_given)
{
	struct tmp t;
	struct stat st;
	cleanup_close int fd = -EBADF;

	tmp_open(&t);
	fd = path_open_in(t.fd, "new", O_WRONLY | O_CREAT, 0640);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	tmp_close(&t);
}

TEST(mkdir_in_makes_every_missing_part)
{
	cleanup_close int fd = -EBADF;
	struct tmp t;

	tmp_open(&t);
	CHECK(path_mkdir_in(t.fd, "/a//b/./c/", 0755, &fd) == 0);
	CHECK(is_dir(&t, "a/b/c"));
	CHECK(faccessat(fd, ".", F_OK, 0) == 0);
	CHECK(path_mkdir_in(t.fd, "a/b/c", 0755, NULL) == 0);
	CHECK(path_mkdir_in(t.fd, "", 0755, NULL) == 0);
	tmp_close(&t);
}

TEST(mkdir_in_follows_links_inside_the_root)
{
	struct tmp t;

	tmp_open(&t);
	CHECK(mkdirat(t.fd, "real", 0755) == 0 && symlinkat("/real", t.fd, "link") == 0);
	CHECK(path_mkdir_in(t.fd, "link/x/y", 0755, NULL) == 0);
	CHECK(is_dir(&t, "real/x/y"));
	tmp_close(&t);
}

TEST(mkdir_in_makes_the_target_of_a_dangling_link_inside_the_root)
{
	struct tmp t;

	tmp_open(&t);
	CHECK(mkdirat(t.fd, "var", 0755) == 0);
	CHECK(symlinkat("/run", t.fd, "var/run") == 0);
	CHECK(symlinkat("../far/../away", t.fd, "var/odd") == 0);
	CHECK(symlinkat("tmp2", t.fd, "var/tmp") == 0);
	CHECK(path_mkdir_in(t.fd, "var/run/x", 0755, NULL) == 0 && is_dir(&t, "run/x"));
	CHECK(path_mkdir_in(t.fd, "var/tmp/x", 0755, NULL) == 0 && is_dir(&t, "var/tmp2/x"));
	CHECK(path_mkdir_in(t.fd, "var/odd/x", 0755, NULL) == -EINVAL);
	tmp_close(&t);
}

TEST(mkdir_in_refuses_dotdot_behind_a_missing_part_and_loops)
{
	struct tmp t;

	tmp_open(&t);
	CHECK(path_mkdir_in(t.fd, "no/../x", 0755, NULL) == -EINVAL);
	CHECK(!is_dir(&t, "no") && !is_dir(&t, "x"));
	CHECK(symlinkat("b", t.fd, "a") == 0 && symlinkat("a", t.fd, "b") == 0);
	CHECK(path_mkdir_in(t.fd, "a/x", 0755, NULL) == -ELOOP);
	touch(&t, "file");
	CHECK(path_mkdir_in(t.fd, "file/x", 0755, NULL) == -ENOTDIR);
	tmp_close(&t);
}

TEST(mkdir_all_takes_absolute_paths_only)
{
	struct tmp t;
	char path[64];

	tmp_open(&t);
	(void)snprintf(path, sizeof(path), "%s/a/b", t.path);
	CHECK(path_mkdir_all(path, 0755) == 0 && is_dir(&t, "a/b"));
	CHECK(path_mkdir_all(path, 0755) == 0);
	CHECK(path_mkdir_all("rel", 0755) == -EINVAL);
	touch(&t, "a/file");
	(void)snprintf(path, sizeof(path), "%s/a/file", t.path);
	CHECK(path_mkdir_all(path, 0755) == -ENOTDIR);
	tmp_close(&t);
}

TEST(remove_tree_follows_no_link)
{
	struct tmp t, other;

	tmp_open(&t);
	tmp_open(&other);
	touch(&other, "keep");
	CHECK(path_mkdir_in(t.fd, "a/b", 0755, NULL) == 0);
	touch(&t, "a/file");
	CHECK(symlinkat(other.path, t.fd, "a/b/link") == 0);
	CHECK(path_remove_tree(t.fd, "a") == 0 && !is_dir(&t, "a"));
	CHECK(faccessat(other.fd, "keep", F_OK, 0) == 0);
	tmp_close(&t);
	tmp_close(&other);
}

TEST(remove_tree_takes_files_links_and_nothing_at_all)
{
	struct tmp t;

	tmp_open(&t);
	touch(&t, "file");
	CHECK(symlinkat("/tmp", t.fd, "link") == 0);
	CHECK(path_remove_tree(t.fd, "file") == 0 && path_remove_tree(t.fd, "file") == 0);
	CHECK(path_remove_tree(t.fd, "link") == 0 && access("/tmp", F_OK) == 0);
	CHECK(path_remove_tree(t.fd, "..") == -EINVAL && path_remove_tree(t.fd, "a/b") == -EINVAL);
	tmp_close(&t);
}

TEST(remove_tree_is_not_limited_by_depth_or_fds)
{
	cleanup_close int fd = -EBADF;
	struct tmp t;

	tmp_open(&t);
	fd = openat(t.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		int sub;

		CHECK(mkdirat(fd, "deep-directory-name", 0755) == 0);
		sub = openat(fd, "deep-directory-name", O_PATH | O_DIRECTORY | O_CLOEXEC);
		CHECK(sub >= 0);
		(void)fd_close(fd);
		fd = sub;
	}
	CHECK(path_remove_tree(t.fd, "deep-directory-name") == 0);
	CHECK(!is_dir(&t, "deep-directory-name"));
	tmp_close(&t);
}

/* In a mount namespace of its own. Return: 0 when all is well, else the line that is not. */
static int remove_with_mounts(const struct tmp *t)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	/* t->fd still shows the mounts of the old namespace. */
	if (chdir(t->path) < 0 || mount("none", "a/mnt", "tmpfs", 0, NULL) < 0)
		return 1;
	/* The same file system under another name is a mount all the same. */
	if (mount("outside", "a/bind", NULL, MS_BIND, NULL) < 0)
		return 2;
	if (mount("outside/keep", "a/file", NULL, MS_BIND, NULL) < 0)
		return 3;
	if (path_remove_tree(AT_FDCWD, "a") != -EXDEV)
		return 4;
	if (access("a/mnt", F_OK) < 0 || access("outside/keep", F_OK) < 0)
		return 5;
	return access("a/gone", F_OK) == 0 ? 6 : 0;
}

TEST(remove_tree_leaves_mounts_alone_and_goes_on)
{
	struct tmp t;
	int status;
	pid_t pid;

	tmp_open(&t);
	CHECK(path_mkdir_in(t.fd, "a/mnt", 0755, NULL) == 0);
	CHECK(path_mkdir_in(t.fd, "a/bind", 0755, NULL) == 0);
	CHECK(path_mkdir_in(t.fd, "a/gone/x", 0755, NULL) == 0);
	CHECK(path_mkdir_in(t.fd, "outside", 0755, NULL) == 0);
	touch(&t, "outside/keep");
	touch(&t, "a/file");
	pid = fork();
	if (pid == 0)
		_exit(remove_with_mounts(&t));
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	tmp_close(&t);
	if (WEXITSTATUS(status) == 77)
		SKIP("no right to make a mount namespace");
	CHECK_INT(WEXITSTATUS(status), 0);
}

TEST(clean_is_lexical_and_never_climbs_above_the_start)
{
	static const char *const cases[][2] = {
		{"/", "/"},
		{"", "."},
		{".", "."},
		{"/a//b/", "/a/b"},
		{"/a/./b", "/a/b"},
		{"/a/../b", "/b"},
		{"/../..", "/"},
		{"a/../..", "."},
		{"../a", "a"},
		{"a/b/..", "a"},
		{"/a/b/../../c", "/c"},
		{"...", "..."},
	};
	char buf[64];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK(path_clean(cases[i][0], buf, sizeof(buf)) == 0);
		CHECK_STR(buf, cases[i][1]);
	}
}

TEST(clean_says_when_the_buffer_is_too_small)
{
	char buf[5];

	CHECK(path_clean("/abc", buf, sizeof(buf)) == 0);
	CHECK(path_clean("/abcd", buf, sizeof(buf)) == -ENAMETOOLONG);
	CHECK(path_clean("/", buf, 1) == -ENAMETOOLONG);
}

TEST(below_compares_whole_components)
{
	CHECK(path_is_below("/a/b", "/a") && path_is_below("/a", "/a"));
	CHECK(path_is_below("/a/b", "/a/") && path_is_below("/a", "/"));
	CHECK(!path_is_below("/ab", "/a") && !path_is_below("/", "/a"));
}

TEST(base_is_what_follows_the_last_slash)
{
	CHECK_STR(path_base("/a/b"), "b");
	CHECK_STR(path_base("b"), "b");
	CHECK_STR(path_base("/a/"), "");
}

static int mkdir_and_remove(void *data)
{
	const struct tmp *t = data;
	int r = path_mkdir_in(t->fd, "p/q/r", 0755, NULL);
	int r2 = path_remove_tree(t->fd, "p");

	return r < 0 ? r : r2;
}

TEST(every_failed_allocation_is_reported)
{
	struct tmp t;

	tmp_open(&t);
	CHECK(torture_each(mkdir_and_remove, &t) > 3);
	tmp_close(&t);
}
