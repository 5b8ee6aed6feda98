/* SPDX-License-Identifier: Apache-2.0 */
/* linux.cgroupsPath to a path below the root. */
#include "tests/test.h"

#include "base/err.h"
#include "base/str.h"
#include "container/cgroup_impl.h"

static bool gives(const char *path, const char *want)
{
	cleanup_free char *got = NULL;
	struct err e = {0};

	return ctr_cgroup_path_make(path, "id1", &got, &e) == 0 && streq(got, want);
}

static bool is_refused(const char *path)
{
	cleanup_free char *got = NULL;
	struct err e = {0};

	return ctr_cgroup_path_make(path, "id1", &got, &e) == -EINVAL && got == NULL &&
	       e.kind == ERR_INVALID;
}

TEST(an_absent_path_is_the_id)
{
	CHECK(gives(NULL, "/id1"));
	CHECK(gives("", "/id1"));
}

TEST(a_systemd_triple_becomes_directories)
{
	CHECK(gives("system.slice:cri:abc", "/system.slice/cri/abc"));
	CHECK(gives("a:b:c:d", "/a:b:c:d"));
	CHECK(gives("/a:b:c", "/a:b:c"));
}

TEST(no_path_leaves_the_root)
{
	CHECK(gives("../../etc", "/etc"));
	CHECK(gives("/a/../../b", "/b"));
	CHECK(gives("//a//b/./c/", "/a/b/c"));
	CHECK(gives("a:..:b", "/b"));
}

TEST(the_root_itself_a_line_break_and_an_endless_path_are_refused)
{
	char endless[5000];

	CHECK(is_refused("/"));
	CHECK(is_refused("../.."));
	CHECK(is_refused("a\nb"));
	memset(endless, 'a', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	CHECK(is_refused(endless));
}
