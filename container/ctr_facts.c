/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent has to know about the system it runs on: read once, from its own /proc and /sys. */
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/str.h"
#include "container/ctr_priv.h"

#define HIERARCHIES_MAX 24

static char *v1_names[HIERARCHIES_MAX + 1];

/* Lines "N:controllers:path"; "0::" is the unified one, cgroups(7). */
static int read_hierarchies(struct err *e)
{
	static char text[16384];
	struct slice rest, line;
	size_t n = 0;
	ssize_t r = fd_read_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));

	if (r < 0)
		return err_set(e, (int)r, "read /proc/self/cgroup");
	rest = slice_of(text);
	while (slice_cut(&rest, '\n', &line)) {
		struct slice id, names;

		if (!slice_cut(&line, ':', &id) || !slice_cut(&line, ':', &names) || names.n == 0 ||
		    n == HIERARCHIES_MAX)
			continue;
		v1_names[n] = strndup(names.p, names.n);
		if (v1_names[n++] == NULL)
			return err_set(e, -ENOMEM, "cgroup hierarchies");
	}
	return 0;
}

static int open_own_ns(struct ctr_facts *f, struct err *e)
{
	static const char *const files[CTR_NS_COUNT] = {
		[CTR_NS_PID] = "/proc/self/ns/pid",       [CTR_NS_NET] = "/proc/self/ns/net",
		[CTR_NS_IPC] = "/proc/self/ns/ipc",       [CTR_NS_UTS] = "/proc/self/ns/uts",
		[CTR_NS_CGROUP] = "/proc/self/ns/cgroup",
	};

	for (int i = 0; i < CTR_NS_COUNT; i++) {
		f->own_ns[i] = -EBADF;
		if (files[i] == NULL)
			continue;
		f->own_ns[i] = open(files[i], O_RDONLY | O_CLOEXEC);
		if (f->own_ns[i] < 0)
			return err_set(e, -errno, "open %s", files[i]);
	}
	return 0;
}

const struct ctr_facts *ctr_facts_get(struct err *e)
{
	static struct ctr_facts facts;
	static bool is_known;
	char line[8];
	struct statfs fs;
	struct stat st;

	if (is_known)
		return &facts;
	if (stat("/proc/self/exe", &st) < 0 || statfs("/", &fs) < 0) {
		(void)!err_set(e, -errno, "look at our own program and root");
		return NULL;
	}
	facts.own_dev = st.st_dev;
	facts.own_ino = st.st_ino;
	facts.root_may_be_initramfs = fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC;
	facts.has_apparmor = fd_read_line(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", line,
					  sizeof(line)) > 0 &&
			     line[0] == 'Y';
	if (read_hierarchies(e) < 0 || open_own_ns(&facts, e) < 0)
		return NULL;
	facts.cgroup_v1 = (const char *const *)v1_names;
	is_known = true;
	return &facts;
}
