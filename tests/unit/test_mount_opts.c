/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options one by one: what each sets and clears, and how they combine. */
#include "tests/unit/plan_spec.h"

#include <sys/mount.h>

#include "container/plan_steps.h"

static struct plan plan;

/* Return: the code of the call; *out lives until the next. */
static int parse(struct plan_mount *out, const char *type, struct ctr_strv options, struct err *e)
{
	struct ctr_mount m = {.destination = "/t", .type = type, .options = options};

	arena_done(&plan.arena);
	plan.arena = ARENA_INIT(1U << 20);
	*out = (struct plan_mount){.target = "/t"};
	return plan_mount_options(&plan, &m, out, e);
}

struct one {
	const char *option;
	uint64_t set, clear, rec_set, rec_clear;
};

#define RO    MOUNT_ATTR_RDONLY
#define ATIME MOUNT_ATTR__ATIME
#define NOSYM 0x00200000
#define NODIR MOUNT_ATTR_NODIRATIME

TEST(every_attribute_option_sets_its_bit)
{
	static const struct one all[] = {
		{"ro", RO, 0, 0, 0},
		{"rw", 0, RO, 0, 0},
		{"nosuid", MOUNT_ATTR_NOSUID, 0, 0, 0},
		{"suid", 0, MOUNT_ATTR_NOSUID, 0, 0},
		{"nodev", MOUNT_ATTR_NODEV, 0, 0, 0},
		{"dev", 0, MOUNT_ATTR_NODEV, 0, 0},
		{"noexec", MOUNT_ATTR_NOEXEC, 0, 0, 0},
		{"exec", 0, MOUNT_ATTR_NOEXEC, 0, 0},
		{"nodiratime", NODIR, 0, 0, 0},
		{"diratime", 0, NODIR, 0, 0},
		{"nosymfollow", NOSYM, 0, 0, 0},
		{"symfollow", 0, NOSYM, 0, 0},
		{"noatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0},
		{"atime", 0, ATIME, 0, 0},
		{"relatime", 0, ATIME, 0, 0},
		{"norelatime", 0, ATIME, 0, 0},
		{"strictatime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
		{"nostrictatime", 0, 0, 0, 0},
		{"rro", 0, 0, RO, 0},
		{"rrw", 0, 0, 0, RO},
		{"rnosuid", 0, 0, MOUNT_ATTR_NOSUID, 0},
		{"rsuid", 0, 0, 0, MOUNT_ATTR_NOSUID},
		{"rnodev", 0, 0, MOUNT_ATTR_NODEV, 0},
		{"rdev", 0, 0, 0, MOUNT_ATTR_NODEV},
		{"rnoexec", 0, 0, MOUNT_ATTR_NOEXEC, 0},
		{"rexec", 0, 0, 0, MOUNT_ATTR_NOEXEC},
		{"rnodiratime", 0, 0, NODIR, 0},
		{"rdiratime", 0, 0, 0, NODIR},
		{"rnosymfollow", 0, 0, NOSYM, 0},
		{"rsymfollow", 0, 0, 0, NOSYM},
		{"rnoatime", 0, 0, MOUNT_ATTR_NOATIME, ATIME},
		{"ratime", 0, 0, 0, ATIME},
		{"rrelatime", 0, 0, 0, ATIME},
		{"rnorelatime", 0, 0, 0, ATIME},
		{"rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME},
		{"rnostrictatime", 0, 0, 0, 0},
		{"defaults", 0, 0, 0, 0},
		{"silent", 0, 0, 0, 0},
		{"loud", 0, 0, 0, 0},
		{"noiversion", 0, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct plan_mount m;
		struct err e = {0};

		CHECK_INT(parse(&m, "tmpfs", WORDS(all[i].option), &e), 0);
		if (m.attr_set != all[i].set || m.attr_clear != all[i].clear ||
		    m.rec_attr_set != all[i].rec_set || m.rec_attr_clear != all[i].rec_clear ||
		    m.n_options != 0)
			fail_msg("%s", all[i].option);
	}
}

TEST(propagation_is_kept_in_order)
{
	struct plan_mount m;
	struct err e = {0};

	CHECK_INT(parse(&m, "bind",
			WORDS("private", "rprivate", "slave", "rslave", "shared", "rshared",
			      "unbindable", "runbindable"),
			&e),
		  0);
	CHECK_INT(m.n_propagation, 8);
	CHECK_INT(m.propagation[0], MS_PRIVATE);
	CHECK_INT(m.propagation[3], MS_SLAVE | MS_REC);
	CHECK_INT(m.propagation[7], MS_UNBINDABLE | MS_REC);
}

TEST(flags_of_the_file_system_go_by_their_own_names)
{
	static const char *const names[] = {"sync",   "async",    "dirsync",   "mand",
					    "nomand", "lazytime", "nolazytime"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct plan_mount m;
		struct err e = {0};

		CHECK_INT(parse(&m, "ext4", WORDS(names[i]), &e), 0);
		CHECK_INT(m.n_options, 1);
		CHECK_STR(m.options[0].key, names[i]);
		CHECK_INT(parse(&m, "bind", WORDS("bind", names[i]), &e), 0);
		CHECK_INT(m.n_options, 0);
	}
}

TEST(a_later_option_wins)
{
	struct plan_mount m;
	struct err e = {0};

	CHECK_INT(parse(&m, "tmpfs", WORDS("ro", "rw", "noexec", "exec", "noatime", "strictatime"),
			&e),
		  0);
	CHECK_INT(m.attr_set, MOUNT_ATTR_STRICTATIME);
	CHECK_INT(m.attr_clear, RO | MOUNT_ATTR_NOEXEC | ATIME);
	CHECK_INT(parse(&m, "tmpfs", WORDS("rw", "ro", "strictatime", "nostrictatime"), &e), 0);
	CHECK_INT(m.attr_set, RO);
	CHECK_INT(m.attr_clear, ATIME);
}

TEST(a_bind_is_a_bind_whatever_its_type)
{
	struct plan_mount m;
	struct err e = {0};

	CHECK_INT(parse(&m, "tmpfs", WORDS("rbind"), &e), 0);
	CHECK_INT(m.flags, PLAN_MNT_BIND | PLAN_MNT_REC);
	CHECK_INT(parse(&m, "bind", WORDS("ro"), &e), 0);
	CHECK_INT(m.flags, PLAN_MNT_BIND);
	CHECK_INT(parse(&m, NULL, WORDS("remount", "ro"), &e), 0);
	CHECK_INT(m.flags, PLAN_MNT_REMOUNT);
}

TEST(what_is_unknown_is_data_in_its_order)
{
	struct plan_mount m;
	struct err e = {0};

	CHECK_INT(parse(&m, "x", WORDS("size=1m", "acl", "nosuid", "a=b=c"), &e), 0);
	CHECK_INT(m.n_options, 3);
	CHECK_STR(m.options[0].key, "size");
	CHECK_STR(m.options[0].value, "1m");
	CHECK(m.options[1].value == NULL);
	CHECK_STR(m.options[2].value, "b=c");
	CHECK(parse(&m, "x", WORDS("bind", "acl"), &e) < 0);
}

TEST(what_cannot_be_kept_is_refused)
{
	static const char *const names[] = {"idmap",   "ridmap",   "idmap=x",  "ridmap=x",
					    "rsync",   "rasync",   "rdirsync", "rmand",
					    "rnomand", "tmpcopyup"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct plan_mount m;
		struct err e = {0};

		CHECK_INT(parse(&m, "tmpfs", WORDS(names[i]), &e), -EINVAL);
		CHECK(strstr(e.msg, names[i]) != NULL && e.kind == ERR_INVALID);
	}
}

TEST(long_values_go_through_the_old_call)
{
	static char lower[400] = "lowerdir=";
	struct plan_mount m;
	struct err e = {0};

	memset(lower + 9, 'x', sizeof(lower) - 10);
	CHECK_INT(parse(&m, "overlay", WORDS(lower, "sync", "index=off"), &e), 0);
	CHECK(m.flags & PLAN_MNT_LEGACY);
	CHECK_INT(m.legacy_flags, MS_SYNCHRONOUS);
	CHECK(str_starts(m.data, "lowerdir=xxx") && str_ends(m.data, ",index=off"));
	CHECK_INT(parse(&m, "ext4", WORDS("iversion"), &e), 0);
	CHECK_INT(m.legacy_flags, MS_I_VERSION);
	CHECK(m.data == NULL);
}
