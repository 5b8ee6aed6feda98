/* SPDX-License-Identifier: Apache-2.0 */
/* CopyFile stays in its directory, and a file appears whole or not at all. */
#include "agent/copyfile.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/test.h"

#define TEMP ".pith-copy-test"

struct place {
	char top[sizeof("/tmp/pith-copy-XXXXXX")];
	char root[64], outside[64];
};

static void begin(struct place *p)
{
	*p = (struct place){.top = "/tmp/pith-copy-XXXXXX"};
	CHECK(mkdtemp(p->top) != NULL);
	(void)snprintf(p->root, sizeof(p->root), "%s/shared", p->top);
	(void)snprintf(p->outside, sizeof(p->outside), "%s/outside", p->top);
	CHECK(mkdir(p->outside, 0755) == 0);
}

static void end(const struct place *p)
{
	cleanup_close int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(path_remove_tree(tmp, path_base(p->top)) == 0);
}

/* A path below the shared directory. */
static const char *at(const struct place *p, const char *path)
{
	static char buf[512];

	(void)snprintf(buf, sizeof(buf), "%s/%s", p->root, path);
	return buf;
}

static struct copy file(const char *path, const char *data)
{
	return (struct copy){
		.path = path,
		.temp = TEMP,
		.file_mode = S_IFREG | 0640,
		.dir_mode = 0750,
		.uid = geteuid(),
		.gid = getegid(),
		.file_size = (int64_t)strlen(data),
		.data = data,
		.n = strlen(data),
	};
}

static int apply(const struct place *p, const struct copy *c)
{
	struct err e = {0};
	int r = copy_check(c, &e);

	return r < 0 ? r : copy_apply(p->root, c, &e);
}

static bool holds(const char *path, const char *want)
{
	char buf[64];

	return fd_read_file(AT_FDCWD, path, buf, sizeof(buf)) >= 0 && strcmp(buf, want) == 0;
}

static bool is_gone(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 && errno == ENOENT;
}

TEST(a_file_gets_its_parents_content_and_mode)
{
	struct copy c = file("a/b/f", "hello");
	struct place p;
	struct stat st;

	begin(&p);
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "a/b/f"), "hello"));
	CHECK(stat(at(&p, "a/b/f"), &st) == 0 && (st.st_mode & 07777) == 0640);
	CHECK(stat(at(&p, "a/b"), &st) == 0 && (st.st_mode & 07777) == 0750);
	end(&p);
}

TEST(chunks_add_up_and_the_file_appears_with_the_last)
{
	struct copy c = file("f", "hello");
	struct place p;

	begin(&p);
	c.file_size = 10;
	CHECK(apply(&p, &c) == 0);
	CHECK(is_gone(at(&p, "f")));
	c.offset = 5;
	c.data = "world";
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "f"), "helloworld"));
	CHECK(is_gone(at(&p, TEMP)));
	end(&p);
}

TEST(the_old_file_stays_until_the_new_one_is_whole)
{
	struct copy old = file("f", "old"), c = file("f", "new");
	struct place p;

	begin(&p);
	CHECK(apply(&p, &old) == 0);
	c.file_size = 6;
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "f"), "old"));
	end(&p);
}

TEST(an_empty_file_is_one_request)
{
	struct copy c = file("f", "");
	struct place p;

	begin(&p);
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "f"), ""));
	end(&p);
}

TEST(a_chunk_that_does_not_follow_the_last_one_is_refused)
{
	struct copy c = file("f", "hello");
	struct place p;

	begin(&p);
	c.file_size = 20;
	CHECK(apply(&p, &c) == 0);
	c.offset = 10;
	CHECK(apply(&p, &c) == -ESTALE);
	CHECK(is_gone(at(&p, TEMP)));
	end(&p);
}

TEST(a_file_takes_the_place_of_a_directory)
{
	struct copy dir = file("d/x", "1"), c = file("d", "2");
	struct place p;

	begin(&p);
	CHECK(apply(&p, &dir) == 0);
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "d"), "2"));
	end(&p);
}

TEST(a_directory_keeps_what_is_in_it)
{
	struct copy in = file("d/x", "1"), c = file("d", "");
	struct place p;
	struct stat st;

	begin(&p);
	CHECK(apply(&p, &in) == 0);
	c.file_mode = S_IFDIR | 0700;
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "d/x"), "1"));
	CHECK(stat(at(&p, "d"), &st) == 0 && (st.st_mode & 07777) == 0700);
	end(&p);
}

TEST(a_directory_takes_the_place_of_a_file)
{
	struct copy f = file("d", "1"), c = file("d", "");
	struct place p;
	struct stat st;

	begin(&p);
	CHECK(apply(&p, &f) == 0);
	c.file_mode = S_IFDIR | 0755;
	CHECK(apply(&p, &c) == 0);
	CHECK(stat(at(&p, "d"), &st) == 0 && S_ISDIR(st.st_mode));
	end(&p);
}

static struct copy link_to(const char *path, const char *target)
{
	struct copy c = file(path, target);

	c.file_mode = S_IFLNK | 0777;
	c.file_size = 0;
	return c;
}

TEST(a_link_replaces_the_link_that_was_there)
{
	struct copy one = link_to("v/..data", "..2024_1"), two = link_to("v/..data", "..2024_2");
	struct place p;
	char target[64] = {0};

	begin(&p);
	CHECK(apply(&p, &one) == 0);
	CHECK(apply(&p, &two) == 0);
	CHECK(readlink(at(&p, "v/..data"), target, sizeof(target) - 1) == 8);
	CHECK_STR(target, "..2024_2");
	end(&p);
}

TEST(a_link_may_lead_anywhere)
{
	static const char *const targets[] = {"/etc/passwd", "../x", "a/../../x", "..2024_1"};
	struct place p;
	char target[64];

	begin(&p);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct copy below = link_to("v/l", targets[i]), top = link_to("l", targets[i]);
		ssize_t n;

		CHECK(apply(&p, &below) == 0 && apply(&p, &top) == 0);
		n = readlink(at(&p, "v/l"), target, sizeof(target));
		CHECK(n == (ssize_t)strlen(targets[i]) && memcmp(target, targets[i], n) == 0);
	}
	end(&p);
}

TEST(a_link_to_nothing_is_refused)
{
	struct copy empty = link_to("v/l", ""), nul = link_to("v/l", "ab");
	struct err e = {0};
	struct place p;

	begin(&p);
	CHECK(copy_check(&empty, &e) == -EINVAL && e.kind == ERR_INVALID);
	nul.data = "a\0b";
	nul.n = 3;
	e = (struct err){0};
	CHECK(copy_check(&nul, &e) == -EINVAL && e.kind == ERR_INVALID);
	CHECK(is_gone(at(&p, "v")));
	end(&p);
}

TEST(a_file_goes_through_a_link_of_its_directory)
{
	struct copy old = file("v/..1/key", "old"), dir = link_to("v/..data", "..1"),
		    c = file("v/..data/key", "new");
	struct place p;

	begin(&p);
	CHECK(apply(&p, &old) == 0);
	CHECK(apply(&p, &dir) == 0);
	CHECK(apply(&p, &c) == 0);
	CHECK(holds(at(&p, "v/..1/key"), "new"));
	end(&p);
}

TEST(a_planted_link_leads_no_further_than_the_root)
{
	struct copy c = file("v/l/f", "evil"), up = file("v/up/f", "evil"),
		    direct = file("v/l", "good");
	struct place p;
	char path[512];

	begin(&p);
	CHECK(mkdir(p.root, 0755) == 0 && mkdir(at(&p, "v"), 0755) == 0);
	CHECK(symlink(p.outside, at(&p, "v/l")) == 0);
	CHECK(symlink("../../../outside", at(&p, "v/up")) == 0);
	CHECK(apply(&p, &c) == 0 && apply(&p, &up) == 0);
	(void)snprintf(path, sizeof(path), "%s/f", p.outside);
	CHECK(is_gone(path));
	/* As a program that sees the root as "/" would find it. */
	(void)snprintf(path, sizeof(path), "%s%s/f", p.root, p.outside);
	CHECK(holds(path, "evil"));
	CHECK(holds(at(&p, "outside/f"), "evil"));

	CHECK(apply(&p, &direct) == 0);
	CHECK(holds(at(&p, "v/l"), "good"));
	end(&p);
}

TEST(a_magic_link_on_the_way_is_not_followed)
{
	struct copy c = file("v/l/f", "evil");
	struct place p;

	if (geteuid() != 0)
		SKIP("a mount namespace needs root");
	begin(&p);
	CHECK(mkdir(p.root, 0755) == 0 && mkdir(at(&p, "proc"), 0755) == 0);
	CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("proc", at(&p, "proc"), "proc", 0, NULL) == 0);
	CHECK(mkdir(at(&p, "v"), 0755) == 0);
	CHECK(symlink("/proc/self/root/tmp", at(&p, "v/l")) == 0);
	CHECK(apply(&p, &c) == -ELOOP);
	CHECK(is_gone("/tmp/f"));
	CHECK(umount2(at(&p, "proc"), MNT_DETACH) == 0);
	end(&p);
}

TEST(set_id_and_sticky_bits_are_kept)
{
	struct copy f = file("f", "1"), d = file("d", "");
	struct place p;
	struct stat st;

	begin(&p);
	f.file_mode = S_IFREG | 06755;
	d.file_mode = S_IFDIR | 03775;
	CHECK(apply(&p, &f) == 0 && apply(&p, &d) == 0);
	CHECK(stat(at(&p, "f"), &st) == 0 && (st.st_mode & 07777) == 06755);
	CHECK(stat(at(&p, "d"), &st) == 0 && (st.st_mode & 07777) == 03775);
	end(&p);
}

TEST(a_planted_temporary_is_neither_followed_nor_written)
{
	struct copy c = file("f", "hello");
	struct place p;
	char path[512];

	begin(&p);
	CHECK(mkdir(p.root, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/victim", p.outside);
	CHECK(symlink(path, at(&p, TEMP)) == 0);
	CHECK(apply(&p, &c) == -EEXIST);
	CHECK(is_gone(path));
	end(&p);
}

TEST(a_temporary_swapped_between_two_chunks_is_not_continued)
{
	struct copy c = file("f", "hello");
	struct place p;
	char victim[512], temp[512];

	begin(&p);
	c.file_size = 10;
	CHECK(apply(&p, &c) == 0);
	(void)snprintf(victim, sizeof(victim), "%s/victim", p.outside);
	(void)snprintf(temp, sizeof(temp), "%s/%s", p.root, TEMP);
	CHECK(rename(temp, victim) == 0);
	CHECK(link(victim, temp) == 0);
	c.offset = 5;
	CHECK(apply(&p, &c) == -ESTALE);
	CHECK(holds(victim, "hello"));
	end(&p);
}

TEST(paths_that_climb_stay_below_the_root)
{
	static const char *const paths[] = {"../x", "a/../../x", "a/../../../x"};
	struct place p;
	char outside[512];

	begin(&p);
	(void)snprintf(outside, sizeof(outside), "%s/x", p.top);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct copy c = file(paths[i], "evil");

		(void)!apply(&p, &c);
		CHECK(is_gone(outside));
	}
	end(&p);
}

TEST(a_path_without_a_name_is_refused)
{
	static const char *const paths[] = {"..", ".", "a/.", "a/..", "a/", ""};
	struct place p;

	begin(&p);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct copy c = file(paths[i], "evil");

		CHECK(apply(&p, &c) == -EINVAL);
	}
	end(&p);
}

TEST(impossible_sizes_types_and_modes_are_refused)
{
	struct copy good = file("f", "hello"), c;
	struct err e = {0};

	c = good;
	c.file_size = -1;
	CHECK(copy_check(&c, &e) == -EINVAL && e.kind == ERR_INVALID);
	c = good;
	c.offset = INT64_MIN;
	CHECK(copy_check(&c, &e) == -EINVAL);
	c = good;
	c.offset = INT64_MAX;
	CHECK(copy_check(&c, &e) == -EINVAL);
	c = good;
	c.offset = 1;
	CHECK(copy_check(&c, &e) == -EINVAL);
	c = good;
	c.file_mode = S_IFSOCK | 0777;
	CHECK(copy_check(&c, &e) == -EINVAL);
	c = good;
	c.file_mode = S_IFBLK | 0777;
	CHECK(copy_check(&c, &e) == -EINVAL);
	c = good;
	c.file_mode = 0644;
	CHECK(copy_check(&c, &e) == 0);
}

TEST(a_directory_swapped_for_a_link_all_the_time_leads_nowhere)
{
	struct place p;
	char victim[512], here[512], there[512];
	pid_t pid;

	begin(&p);
	CHECK(mkdir(p.root, 0755) == 0 && mkdir(at(&p, "d"), 0755) == 0);
	CHECK(symlink(p.outside, at(&p, "l")) == 0);
	(void)snprintf(here, sizeof(here), "%s/d", p.root);
	(void)snprintf(there, sizeof(there), "%s/l", p.root);
	(void)snprintf(victim, sizeof(victim), "%s/f", p.outside);

	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		for (;;)
			(void)renameat2(AT_FDCWD, here, AT_FDCWD, there, RENAME_EXCHANGE);
	for (int i = 0; i < 2000; i++) {
		struct copy c = file("d/f", "evil");

		(void)!apply(&p, &c);
	}
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	CHECK(is_gone(victim));
	end(&p);
}
