/* SPDX-License-Identifier: Apache-2.0 */
/* Plugging processors and memory, on a tree that looks like sysfs. */
#include "agent/guest.h"

#include <fcntl.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/test.h"

struct tree {
	char root[sizeof("/tmp/pith-guest-XXXXXX")];
};

static void put(const struct tree *t, const char *dir, const char *name, const char *text)
{
	cleanup_close int fd = -EBADF;
	char full[512];

	(void)snprintf(full, sizeof(full), "%s/devices/system/%s", t->root, dir);
	CHECK(path_mkdir_all(full, 0755) == 0);
	(void)snprintf(full, sizeof(full), "%s/devices/system/%s/%s", t->root, dir, name);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static const char *get(const struct tree *t, const char *path)
{
	static char text[64];
	char full[512];

	(void)snprintf(full, sizeof(full), "%s/devices/system/%s", t->root, path);
	CHECK(fd_read_line(AT_FDCWD, full, text, sizeof(text)) >= 0);
	return text;
}

static void begin(struct tree *t)
{
	*t = (struct tree){.root = "/tmp/pith-guest-XXXXXX"};
	CHECK(mkdtemp(t->root) != NULL);
	put(t, "cpu", "online", "0-1\n");
	put(t, "cpu/cpu1", "online", "1\n");
	put(t, "cpu/cpu2", "online", "0\n");
	put(t, "cpu/cpu3", "online", "0\n");
	put(t, "cpu/cpufreq", "online", "0\n");
}

static void end(const struct tree *t)
{
	cleanup_close int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(path_remove_tree(tmp, path_base(t->root)) == 0);
}

TEST(enough_processors_online_change_nothing)
{
	struct err e = {0};
	struct tree t;

	begin(&t);
	CHECK(guest_cpus_online(t.root, 2, 1, &e) == 0);
	CHECK_STR(get(&t, "cpu/cpu2/online"), "0");
	end(&t);
}

TEST(only_the_missing_number_is_brought_online)
{
	struct err e = {0};
	struct tree t;
	int n;

	begin(&t);
	CHECK(guest_cpus_online(t.root, 3, 1, &e) < 0);
	n = (get(&t, "cpu/cpu2/online")[0] == '1') + (get(&t, "cpu/cpu3/online")[0] == '1');
	CHECK_INT(n, 1);
	CHECK_STR(get(&t, "cpu/cpufreq/online"), "0");
	end(&t);
}

TEST(processors_that_never_come_are_reported_by_the_total)
{
	struct err e = {0};
	struct tree t;

	begin(&t);
	CHECK(guest_cpus_online(t.root, 9, 2, &e) < 0);
	CHECK_STR(e.msg, "failed to online 9 CPU(s) after 2 retries");
	CHECK(e.kind == ERR_INTERNAL);
	end(&t);
}

TEST(every_offline_memory_block_is_brought_online)
{
	struct tree t;

	begin(&t);
	put(&t, "memory/memory32", "online", "0\n");
	put(&t, "memory/memory33", "online", "0\n");
	guest_memory_online(t.root);
	CHECK_STR(get(&t, "memory/memory32/online"), "1");
	CHECK_STR(get(&t, "memory/memory33/online"), "1");
	end(&t);
}

TEST(a_probe_writes_upper_case_hexadecimal)
{
	const uint64_t addresses[] = {0x1abcd0000};
	struct err e = {0};
	struct tree t;

	begin(&t);
	CHECK(guest_memory_probe(t.root, addresses, 1, &e) < 0);
	CHECK(!guest_has_memory_probe(t.root));
	put(&t, "memory", "probe", "");
	CHECK(guest_has_memory_probe(t.root));
	CHECK(guest_memory_probe(t.root, addresses, 1, &e) == 0);
	CHECK_STR(get(&t, "memory/probe"), "0x1ABCD0000");
	CHECK(guest_memory_probe(t.root, NULL, 0, &e) == 0);
	end(&t);
}

TEST(the_block_size_is_hexadecimal_and_may_be_absent)
{
	struct err e = {0};
	uint64_t size = 7;
	struct tree t;

	begin(&t);
	CHECK(guest_memory_block_size(t.root, &size, &e) == 0 && size == 0);
	put(&t, "memory", "block_size_bytes", "8000000\n");
	CHECK(guest_memory_block_size(t.root, &size, &e) == 0 && size == 0x8000000);
	put(&t, "memory", "block_size_bytes", "x\n");
	CHECK(guest_memory_block_size(t.root, &size, &e) < 0);
	end(&t);
}

TEST(a_time_that_cannot_be_is_the_callers_fault)
{
	struct err e = {0};

	CHECK(guest_clock_set(1, 1000000, &e) == -EINVAL && e.kind == ERR_INVALID);
	CHECK(guest_clock_set(1, -1, &e) == -EINVAL);
}

TEST(no_entropy_is_the_callers_fault)
{
	struct err e = {0};

	CHECK(guest_random_reseed("", 0, &e) == -EINVAL && e.kind == ERR_INVALID);
	CHECK_STR(e.msg, "missing entropy data");
}
