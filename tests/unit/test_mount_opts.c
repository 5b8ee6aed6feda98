/* SPDX-License-Identifier: Apache-2.0 */
/* Option words of storages. */
#include "agent/mount_opts.h"

#include <string.h>
#include <sys/mount.h>

#include "base/err.h"
#include "tests/test.h"

static int parse(const char *words, struct mount_opts *o)
{
	static char buf[8192];
	char *list[64], *save = NULL;
	struct err e = {0};
	size_t n = 0;

	(void)snprintf(buf, sizeof(buf), "%s", words);
	for (char *w = strtok_r(buf, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		list[n++] = w;
	return mount_opts_parse(list, n, "fsgid=", o, &e);
}

TEST(later_words_override_earlier_ones)
{
	struct mount_opts o;

	CHECK(parse("ro nosuid rw suid nodev", &o) == 0);
	CHECK(o.flags == MS_NODEV);
}

TEST(words_of_the_file_system_are_joined)
{
	struct mount_opts o;

	CHECK(parse("size=1M ro mode=755", &o) == 0);
	CHECK_STR(o.data, "size=1M,mode=755");
	CHECK(o.flags == MS_RDONLY);
}

TEST(words_for_user_space_are_dropped)
{
	struct mount_opts o;

	CHECK(parse("_netdev nofail auto user X-mount.mkdir x-systemd.automount "
		    "io.katacontainers.fs-opt.a fsgid=5 defaults",
		    &o) == 0);
	CHECK_STR(o.data, "");
	CHECK(o.flags == 0);
}

TEST(propagation_and_bind_are_kept_apart)
{
	struct mount_opts o;

	CHECK(parse("rbind ro rslave", &o) == 0);
	CHECK(o.is_bind && o.is_recursive);
	CHECK(o.propagation == MS_SLAVE && o.propagates_below);
	CHECK(o.flags == MS_RDONLY);
}

TEST(a_loop_is_refused)
{
	struct mount_opts o;

	CHECK(parse("loop", &o) == -EINVAL);
}

TEST(data_longer_than_a_page_is_refused)
{
	static char words[MOUNT_DATA_MAX + 1];
	struct mount_opts o;

	memset(words, 'a', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	CHECK(parse(words, &o) == -EINVAL);
	words[sizeof(words) - 2] = '\0';
	CHECK(parse(words, &o) == 0);
}

TEST(flags_become_mount_attributes)
{
	struct mount_opts o;

	CHECK(parse("ro nosuid nodev noexec noatime nodiratime", &o) == 0);
	CHECK(mount_opts_attr(&o) ==
	      (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
	       MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME));
}
