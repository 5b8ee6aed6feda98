/* SPDX-License-Identifier: Apache-2.0 */
/* The option table of storages, and nothing else. */
#include "agent/mount_opts.h"

#include <linux/mount.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/table.h"

/* <sys/mount.h> and <linux/mount.h> cannot be included together in glibc 2.36. */

enum word_kind {
	WORD_SET = 1,
	WORD_CLEAR,
	WORD_BIND,
	WORD_PROPAGATION,
	WORD_DROP,
	WORD_REFUSE,
};

/* Kind in the upper half; MS_REC beside a propagation or a bind means "and everything below". */
#define W(kind, flags) ((uint64_t)(kind) << 32 | (uint32_t)(flags))

static const struct table_entry words_table[] = {
	{"_netdev", W(WORD_DROP, 0)},
	{"async", W(WORD_CLEAR, MS_SYNCHRONOUS)},
	{"atime", W(WORD_CLEAR, MS_NOATIME)},
	{"auto", W(WORD_DROP, 0)},
	{"bind", W(WORD_BIND, 0)},
	{"defaults", W(WORD_DROP, 0)},
	{"dev", W(WORD_CLEAR, MS_NODEV)},
	{"diratime", W(WORD_CLEAR, MS_NODIRATIME)},
	{"dirsync", W(WORD_SET, MS_DIRSYNC)},
	{"exec", W(WORD_CLEAR, MS_NOEXEC)},
	{"group", W(WORD_DROP, 0)},
	{"iversion", W(WORD_SET, MS_I_VERSION)},
	{"loop", W(WORD_REFUSE, 0)},
	{"loud", W(WORD_CLEAR, MS_SILENT)},
	{"mand", W(WORD_SET, MS_MANDLOCK)},
	{"noatime", W(WORD_SET, MS_NOATIME)},
	{"noauto", W(WORD_DROP, 0)},
	{"nodev", W(WORD_SET, MS_NODEV)},
	{"nodiratime", W(WORD_SET, MS_NODIRATIME)},
	{"noexec", W(WORD_SET, MS_NOEXEC)},
	{"nofail", W(WORD_DROP, 0)},
	{"noiversion", W(WORD_CLEAR, MS_I_VERSION)},
	{"nomand", W(WORD_CLEAR, MS_MANDLOCK)},
	{"norelatime", W(WORD_CLEAR, MS_RELATIME)},
	{"nostrictatime", W(WORD_CLEAR, MS_STRICTATIME)},
	{"nosuid", W(WORD_SET, MS_NOSUID)},
	{"nouser", W(WORD_DROP, 0)},
	{"owner", W(WORD_DROP, 0)},
	{"private", W(WORD_PROPAGATION, MS_PRIVATE)},
	{"rbind", W(WORD_BIND, MS_REC)},
	{"relatime", W(WORD_SET, MS_RELATIME)},
	{"remount", W(WORD_SET, MS_REMOUNT)},
	{"ro", W(WORD_SET, MS_RDONLY)},
	{"rprivate", W(WORD_PROPAGATION, MS_PRIVATE | MS_REC)},
	{"rshared", W(WORD_PROPAGATION, MS_SHARED | MS_REC)},
	{"rslave", W(WORD_PROPAGATION, MS_SLAVE | MS_REC)},
	{"runbindable", W(WORD_PROPAGATION, MS_UNBINDABLE | MS_REC)},
	{"rw", W(WORD_CLEAR, MS_RDONLY)},
	{"shared", W(WORD_PROPAGATION, MS_SHARED)},
	{"silent", W(WORD_SET, MS_SILENT)},
	{"slave", W(WORD_PROPAGATION, MS_SLAVE)},
	{"strictatime", W(WORD_SET, MS_STRICTATIME)},
	{"suid", W(WORD_CLEAR, MS_NOSUID)},
	{"sync", W(WORD_SET, MS_SYNCHRONOUS)},
	{"unbindable", W(WORD_PROPAGATION, MS_UNBINDABLE)},
	{"user", W(WORD_DROP, 0)},
	{"users", W(WORD_DROP, 0)},
};

static bool is_for_user_space(const char *word)
{
	return str_starts(word, "X-") || str_starts(word, "x-") || str_starts(word, "comment=") ||
	       str_starts(word, "user=") || str_starts(word, "io.katacontainers.");
}

static int data_add(struct mount_opts *o, const char *word, struct err *e)
{
	size_t n = strlen(o->data);

	if ((size_t)snprintf(o->data + n, sizeof(o->data) - n, "%s%s", n > 0 ? "," : "", word) >=
	    sizeof(o->data) - n)
		return err_set(e, -EINVAL, "mount options are longer than a page");
	return 0;
}

int mount_opts_parse(char *const *words, size_t n, const char *skip, struct mount_opts *ret,
		     struct err *e)
{
	*ret = (struct mount_opts){0};

	for (size_t i = 0; i < n; i++) {
		const struct table_entry *w;
		unsigned long flags;
		int r;

		if (words[i][0] == '\0' || is_for_user_space(words[i]) ||
		    (skip != NULL && str_starts(words[i], skip)))
			continue;
		w = table_find(words_table, ARRAY_LEN(words_table), words[i]);
		if (w == NULL) {
			r = data_add(ret, words[i], e);
			if (r < 0)
				return r;
			continue;
		}

		flags = (uint32_t)w->value;
		switch ((enum word_kind)(w->value >> 32)) {
		case WORD_SET:
			ret->flags |= flags;
			break;
		case WORD_CLEAR:
			ret->flags &= ~flags;
			break;
		case WORD_BIND:
			ret->is_bind = true;
			ret->is_recursive = (flags & MS_REC) != 0;
			break;
		case WORD_PROPAGATION:
			ret->propagation = flags & ~(unsigned long)MS_REC;
			ret->propagates_below = (flags & MS_REC) != 0;
			break;
		case WORD_DROP:
			break;
		case WORD_REFUSE:
			return err_set(e, -EINVAL, "mount option '%s'", words[i]);
		}
	}
	return 0;
}

uint64_t mount_opts_attr(const struct mount_opts *o)
{
	static const struct {
		unsigned long flag;
		uint64_t attr;
	} map[] = {
		{MS_RDONLY, MOUNT_ATTR_RDONLY},         {MS_NOSUID, MOUNT_ATTR_NOSUID},
		{MS_NODEV, MOUNT_ATTR_NODEV},           {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
		{MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
	};
	uint64_t attr = 0;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if ((o->flags & map[i].flag) != 0)
			attr |= map[i].attr;
	if ((o->flags & MS_NOATIME) != 0)
		attr |= MOUNT_ATTR_NOATIME;
	else if ((o->flags & MS_STRICTATIME) != 0)
		attr |= MOUNT_ATTR_STRICTATIME;
	return attr;
}
