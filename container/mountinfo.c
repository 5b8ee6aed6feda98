/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/self/mountinfo through libmount. */
#include "container/mountinfo.h"

#include <libmount/libmount.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"

#define HIDDEN_MAX 64 /* a guest has one of each, and perhaps a few in chroots */

static bool is_hidden(struct libmnt_fs *fs, const char *except)
{
	const char *type = mnt_fs_get_fstype(fs), *root = mnt_fs_get_root(fs);

	return type != NULL && root != NULL && mnt_fs_get_target(fs) != NULL &&
	       (streq(type, "proc") || streq(type, "sysfs")) && streq(root, "/") &&
	       !path_is_below(mnt_fs_get_target(fs), except);
}

static int collect(struct libmnt_table *table, struct libmnt_iter *it, struct arena *arena,
		   const char *except, const char **list)
{
	struct libmnt_fs *fs;
	size_t n = 0;

	while (mnt_table_next_fs(table, it, &fs) == 0) {
		if (!is_hidden(fs, except))
			continue;
		if (n == HIDDEN_MAX)
			return -E2BIG;
		list[n] = arena_dup(arena, mnt_fs_get_target(fs));
		if (list[n++] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int ctr_mountinfo_hidden(struct arena *arena, const char *except, const char *const **ret,
			 struct err *e)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	/* Later lines lie on earlier ones. */
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	const char **list = arena_array(arena, HIDDEN_MAX + 1, sizeof(*list));
	int r = table == NULL || it == NULL || list == NULL
			? -ENOMEM
			: collect(table, it, arena, except, list);

	mnt_free_iter(it);
	mnt_unref_table(table);
	if (r < 0)
		return err_set(e, r, "read our own mount table");
	*ret = list;
	return 0;
}
