/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup root: v2 unless the command line asks for v1. No group is made here, the agent makes its own. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define LOG_MODULE "cgroup"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/table.h"
#include "init/steps.h"

#define CGROUP_ROOT  "/sys/fs/cgroup"
#define CGROUP_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* What Kata's guests mount under v1, sorted. */
static const struct table_entry v1_names[] = {
	{"blkio", 0},      {"cpu", 0},     {"cpuacct", 0}, {"cpuset", 0},  {"devices", 0},
	{"freezer", 0},    {"hugetlb", 0}, {"memory", 0},  {"net_cls", 0}, {"net_prio", 0},
	{"perf_event", 0}, {"pids", 0},    {"rdma", 0},
};

static int mount_v2(struct err *e)
{
	if (mount("cgroup2", CGROUP_ROOT, "cgroup2", CGROUP_FLAGS | MS_RELATIME, "nsdelegate") ==
		    0 ||
	    errno == EBUSY)
		return 0;
	return err_set(e, -errno, "mount cgroup2 on %s", CGROUP_ROOT);
}

static int mount_controller(const char *name)
{
	char target[64];

	(void)snprintf(target, sizeof(target), "%s/%s", CGROUP_ROOT, name);
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		return -errno;
	return mount("cgroup", target, "cgroup", CGROUP_FLAGS | MS_RELATIME, name) < 0 ? -errno : 0;
}

/* One row of /proc/cgroups: name, hierarchy, count, enabled; tab separated. */
static bool row_is_enabled(struct slice row, char *name, size_t size)
{
	struct slice field[4];

	if (row.n == 0 || row.p[0] == '#')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		if (!slice_cut(&row, '\t', &field[i]))
			return false;
	if (!slice_eq(field[3], "1") || field[0].n >= size)
		return false;
	memcpy(name, field[0].p, field[0].n);
	name[field[0].n] = '\0';
	return table_find(v1_names, ARRAY_LEN(v1_names), name) != NULL;
}

static int mount_v1(struct err *e)
{
	char text[4096], name[32];
	struct slice rest, row;
	size_t mounted = 0;
	ssize_t n;

	if (mount("tmpfs", CGROUP_ROOT, "tmpfs", CGROUP_FLAGS, "mode=755") < 0)
		return err_set(e, -errno, "mount tmpfs on %s", CGROUP_ROOT);
	n = fd_read_file(AT_FDCWD, "/proc/cgroups", text, sizeof(text));
	if (n < 0)
		return err_set(e, (int)n, "read /proc/cgroups");
	rest = (struct slice){text, (size_t)n};
	while (slice_cut(&rest, '\n', &row)) {
		int r;

		if (!row_is_enabled(row, name, sizeof(name)))
			continue;
		r = mount_controller(name);
		if (r < 0)
			log_warn("cgroup v1 controller %s is not available: %s", name,
				 strerror(-r));
		else
			mounted++;
	}
	if (mounted == 0)
		return err_set(e, -ENODEV, "no cgroup v1 controller could be mounted");
	if (mount("tmpfs", CGROUP_ROOT, "tmpfs", CGROUP_FLAGS | MS_REMOUNT | MS_RDONLY,
		  "mode=755") < 0)
		log_warn("%s stays writable: %m", CGROUP_ROOT);
	/* Gone from newer kernels, where it is always on: never a reason to stop. */
	(void)!fd_write_str(AT_FDCWD, CGROUP_ROOT "/memory/memory.use_hierarchy", "1");
	return 0;
}

int step_cgroups(const struct boot_params *p, struct err *e)
{
	return p->cgroup_v1 ? mount_v1(e) : mount_v2(e);
}
