/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The v1 backend. libcgroup finds the hierarchies, and does no more: its calls take paths where we
 * hold directory fds, its controller objects read every file of a group for one value, and it cannot
 * tell which directories it made, so a failed create could not be undone.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libcgroup.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define LOG_MODULE "cgroup"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "container/cgroup_impl.h"
#include "container/spec.h"

static const char *const controller_names[] = {
	[CG_CPUSET] = "cpuset",
	[CG_DEVICES] = "devices",
	[CG_MEMORY] = "memory",
	[CG_CPU] = "cpu",
	[CG_CPUACCT] = "cpuacct",
	[CG_PIDS] = "pids",
	[CG_BLKIO] = "blkio",
	[CG_HUGETLB] = "hugetlb",
	[CG_NET_CLS] = "net_cls",
	[CG_NET_PRIO] = "net_prio",
	[CG_PERF_EVENT] = "perf_event",
	[CG_FREEZER] = "freezer",
	[CG_RDMA] = "rdma",
	[CG_MISC] = "misc",
};

static int controller_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(controller_names); i++) {
		if (controller_names[i] != NULL && streq(controller_names[i], name))
			return (int)i;
	}
	return str_starts(name, "name=") ? CG_NAMED : -1;
}

/* Controllers mounted together are one hierarchy. */
static int add_mount(struct cg_host *h, int controller, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs sfs;

	if (fd < 0 || fstatfs(fd, &sfs) < 0)
		return -errno;
	if (sfs.f_type != CGROUP_SUPER_MAGIC)
		return 0; /* bound to v2 */
	for (size_t i = 0; i < h->n; i++) {
		if (fd_same_inode(fd, h->hier[i].root_fd) == 1) {
			h->hier[i].controllers |= 1U << controller;
			return 0;
		}
	}
	if (h->n == CG_HIERS_MAX)
		return -ENOSPC;
	h->hier[h->n++] = (struct cg_hier){.root_fd = TAKE_FD(fd), .controllers = 1U << controller};
	return 0;
}

static void sort_by_join_order(struct cg_host *h)
{
	for (size_t i = 1; i < h->n; i++) {
		struct cg_hier v = h->hier[i];
		size_t k = i;

		for (; k > 0 &&
		       __builtin_ctz(h->hier[k - 1].controllers) > __builtin_ctz(v.controllers);
		     k--)
			h->hier[k] = h->hier[k - 1];
		h->hier[k] = v;
	}
}

int ctr_cg_v1_discover(struct cg_host *h, struct err *e)
{
	static struct cgroup_mount_point mount; /* 8 KiB: too much for the stack */
	void *it = NULL;
	int r;

	r = cgroup_init();
	/* Nothing mounted is an answer, not a failure. */
	if (r == ECGROUPNOTMOUNTED)
		return 0;
	if (r != 0)
		return err_set(e, -EIO, "find the cgroup hierarchies: %s", cgroup_strerror(r));

	for (r = cgroup_get_controller_begin(&it, &mount); r == 0;
	     r = cgroup_get_controller_next(&it, &mount)) {
		int c = controller_of(mount.name), failed;

		if (c < 0)
			continue;
		failed = add_mount(h, c, mount.path);
		if (failed < 0) {
			(void)cgroup_get_controller_end(&it);
			return err_set(e, failed, "open cgroup hierarchy '%s'", mount.path);
		}
	}
	(void)cgroup_get_controller_end(&it);
	sort_by_join_order(h);
	return 0;
}

/* ---- before the join ---- */

static int cpuset_copy(int from, int to)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	cleanup_free char *text = malloc(CG_TEXT_MAX);

	for (size_t i = 0; text != NULL && i < ARRAY_LEN(files); i++) {
		ssize_t n = ctr_cg_read(to, files[i], text, CG_TEXT_MAX);
		int r = 0;

		if (n == 0) {
			n = ctr_cg_read(from, files[i], text, CG_TEXT_MAX);
			r = n < 0 ? 0 : ctr_cg_write(to, files[i], text);
		}
		if (n < 0 || r < 0)
			return n < 0 ? (int)n : r;
	}
	return text != NULL ? 0 : -ENOMEM;
}

/* A new v1 cpuset is empty and takes no process: each level gets what its parent has. */
static int cpuset_inherit(struct ctr_cgroup *g, int root)
{
	cleanup_free char *path = strdup(g->path);
	cleanup_close int cur = fcntl(root, F_DUPFD_CLOEXEC, 3);
	char *rest = path, *part;

	if (path == NULL || cur < 0)
		return -ENOMEM;
	while ((part = strsep(&rest, "/")) != NULL) {
		int next, r;

		if (part[0] == '\0')
			continue;
		next = path_open_beneath(cur, part, O_RDONLY | O_DIRECTORY, 0, true);
		if (next < 0)
			return next;
		r = cpuset_copy(cur, next);
		(void)fd_close(cur);
		cur = next;
		if (r < 0)
			return r;
	}
	return 0;
}

static int root_of(enum cg_controller c)
{
	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		if (ctr_cg_host.hier[i].controllers & (1U << c))
			return ctr_cg_host.hier[i].root_fd;
	}
	return -EBADF;
}

int ctr_cg_v1_prepare(struct ctr_cgroup *g, const struct ctr_resources *res, struct err *e)
{
	struct cg_set set = {.e = e};
	int dir = ctr_cg_dir(g, CG_CPUSET), r = 0;

	if (dir >= 0) {
		r = cpuset_inherit(g, root_of(CG_CPUSET));
		if (r < 0)
			return err_set(e, r, "inherit the cpuset of cgroup '%s'", g->path);
	}
	if (res == NULL)
		return 0;
	if (!str_empty(res->cpu.cpus))
		r = ctr_cg_set_cpus(&set, dir, res->cpu.cpus);
	if (r == 0 && !str_empty(res->cpu.mems))
		r = ctr_cg_set(&set, dir, "cpuset.mems", res->cpu.mems);

	/* A real-time task is only let in where there is budget for it. */
	dir = ctr_cg_dir(g, CG_CPU);
	if (r == 0 && res->cpu.rt_period != CTR_UNSET && res->cpu.rt_period != 0)
		r = ctr_cg_set_i64(&set, dir, "cpu.rt_period_us", res->cpu.rt_period);
	if (r == 0 && res->cpu.rt_runtime != CTR_UNSET && res->cpu.rt_runtime != 0)
		r = ctr_cg_set_i64(&set, dir, "cpu.rt_runtime_us", res->cpu.rt_runtime);
	return r;
}

int ctr_cg_v1_join(struct ctr_cgroup *g, pid_t pid, struct err *e)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		int r = ctr_cg_write(g->dir[i], "cgroup.procs", text);

		if (r < 0)
			return err_set(e, r, "move process %d into cgroup '%s'", pid, g->path);
	}
	return 0;
}

/* ---- freezer, kill ---- */

int ctr_cg_v1_freeze(struct ctr_cgroup *g, bool frozen, struct err *e)
{
	int r, dir = ctr_cg_dir(g, CG_FREEZER);

	if (dir < 0)
		return err_refuse(e, ERR_PRECONDITION, "the freezer cgroup is not available");
	r = ctr_cg_write(dir, "freezer.state", frozen ? "FROZEN" : "THAWED");
	return r < 0 ? err_set(e, r, "%s cgroup '%s'", frozen ? "freeze" : "thaw", g->path) : 0;
}

int ctr_cg_v1_is_frozen(struct ctr_cgroup *g)
{
	int dir = ctr_cg_dir(g, CG_FREEZER);
	char state[16];
	ssize_t n;

	if (dir < 0)
		return 0;
	n = ctr_cg_read(dir, "freezer.state", state, sizeof(state));
	if (n < 0)
		return (int)n;
	/* The kernel tries once for each write: a task that was busy is only caught by the next. */
	if (streq(state, "FREEZING"))
		(void)!ctr_cg_write(dir, "freezer.state", "FROZEN");
	return streq(state, "FROZEN");
}

static int kill_one(void *data, pid_t pid)
{
	(void)data;
	if (pid > 1 && pid != getpid())
		(void)kill(pid, SIGKILL);
	return 0;
}

static int process_dir(const struct ctr_cgroup *g)
{
	int dir = ctr_cg_dir(g, CG_FREEZER);

	return dir >= 0 ? dir : g->dir[0];
}

/* While all are frozen none can exit or fork, so the numbers just read are still theirs. */
static void freeze_for_kill(struct ctr_cgroup *g)
{
	const struct timespec pause = {.tv_nsec = 10000};
	struct err scratch = {0};

	if (ctr_cg_v1_freeze(g, true, &scratch) < 0)
		return;
	for (int i = 0; i < 100 && ctr_cg_v1_is_frozen(g) == 0; i++)
		(void)nanosleep(&pause, NULL);
}

int ctr_cg_v1_kill(struct ctr_cgroup *g, struct err *e)
{
	struct err scratch = {0};
	int r;

	freeze_for_kill(g);
	r = ctr_cg_each_pid(process_dir(g), kill_one, NULL);
	/* A frozen task dies only when it is thawed. */
	(void)!ctr_cg_v1_freeze(g, false, &scratch);
	if (r == -ENODEV || r == -ENOENT)
		return 0;
	return r < 0 ? err_set(e, r, "kill cgroup '%s'", g->path) : 0;
}

static int found_one(void *data, pid_t pid)
{
	(void)data;
	(void)pid;
	return 1;
}

int ctr_cg_v1_is_populated(struct ctr_cgroup *g)
{
	int r = ctr_cg_each_pid(process_dir(g), found_one, NULL);

	return r == -ENODEV || r == -ENOENT ? 0 : r;
}
