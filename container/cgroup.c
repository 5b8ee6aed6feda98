/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups for v2 and v1: mode, life of a group, and the choice of the backend. */
#include "container/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define LOG_MODULE "cgroup"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "container/cgroup_impl.h"
#include "container/spec.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

struct cg_host ctr_cg_host;

static bool is_v2(void)
{
	return ctr_cg_host.mode == CTR_CGROUP_V2;
}

/* The v2 tree, alone or in the hybrid layout: only membership there. */
static void add_unified(struct cg_host *h, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct statfs sfs;

	if (fd < 0 || fstatfs(fd, &sfs) < 0 || sfs.f_type != CGROUP2_SUPER_MAGIC ||
	    h->n == CG_HIERS_MAX)
		return;
	h->hier[h->n++] = (struct cg_hier){.root_fd = TAKE_FD(fd), .controllers = 1U << CG_UNIFIED};
}

int ctr_cgroup_setup(struct err *e)
{
	struct cg_host *h = &ctr_cg_host;
	struct statfs sfs;
	int r;

	if (h->ready)
		return 0;
	h->mode = CTR_CGROUP_NONE;
	if (statfs(CGROUP_ROOT, &sfs) < 0) {
		if (errno != ENOENT)
			return err_set(e, -errno, "statfs %s", CGROUP_ROOT);
		h->ready = true;
		return 0;
	}

	if (sfs.f_type == CGROUP2_SUPER_MAGIC) {
		add_unified(h, CGROUP_ROOT);
		if (h->n == 0)
			return err_set(e, -EIO, "open %s", CGROUP_ROOT);
		h->mode = CTR_CGROUP_V2;
	} else {
		r = ctr_cg_v1_discover(h, e);
		if (r < 0)
			return r;
		if (h->n > 0)
			h->mode = CTR_CGROUP_V1;
		add_unified(h, CGROUP_ROOT "/unified");
	}
	h->ready = true;
	return 0;
}

void ctr_cgroup_tolerate_foreign(void)
{
	ctr_cg_host.tolerant = true;
}

enum ctr_cgroup_mode ctr_cgroup_get_mode(void)
{
	return ctr_cg_host.mode;
}

int ctr_cg_dir(const struct ctr_cgroup *g, enum cg_controller c)
{
	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		if (ctr_cg_host.hier[i].controllers & (1U << c))
			return g->dir[i];
	}
	return -EBADF;
}

int ctr_cgroup_join_self(const char *name, uint64_t memory_min_bytes, struct err *e)
{
	cleanup_close int dir = -EBADF;
	int r;

	/* Only v2 forbids processes beside child groups; v1 needs no leaf. */
	if (!is_v2())
		return 0;

	dir = ctr_cg_mkdir_path(ctr_cg_host.hier[0].root_fd, name, ctr_cg_v2_enable);
	if (dir < 0)
		return err_set(e, dir, "make cgroup '%s'", name);
	r = ctr_cg_write(dir, "cgroup.procs", "0");
	if (r < 0)
		return err_set(e, r, "join cgroup '%s'", name);
	if (memory_min_bytes > 0) {
		r = ctr_cg_write_u64(dir, "memory.min", memory_min_bytes);
		if (r < 0)
			return err_set(e, r, "set memory.min of cgroup '%s'", name);
	}
	/* With the processes gone the root may hand out its controllers. */
	ctr_cg_v2_enable(ctr_cg_host.hier[0].root_fd);
	return 0;
}

static int check_v2_leaf(struct ctr_cgroup *g, struct err *e)
{
	char type[32];

	if (ctr_cg_read(g->dir[0], "cgroup.type", type, sizeof(type)) > 0 &&
	    !streq(type, "domain") && !streq(type, "domain threaded"))
		return err_refuse(e, ERR_PRECONDITION, "cgroup '%s' has type '%s'", g->path, type);
	return 0;
}

/* A group that somebody uses, or that would freeze what joins it. */
static int check_unused(struct ctr_cgroup *g, struct err *e)
{
	int r = ctr_cgroup_is_populated(g);

	if (r < 0)
		return err_set(e, r, "look into cgroup '%s'", g->path);
	if (r > 0)
		return err_refuse(e, ERR_PRECONDITION, "container's cgroup '%s' is not empty",
				  g->path);
	r = ctr_cgroup_is_frozen(g);
	if (r > 0)
		return err_refuse(e, ERR_PRECONDITION, "container's cgroup '%s' is frozen",
				  g->path);
	return 0;
}

static int make_dirs(struct ctr_cgroup *g, struct err *e)
{
	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		struct cg_hier *h = &ctr_cg_host.hier[i];
		int fd = ctr_cg_mkdir_path(h->root_fd, g->path, is_v2() ? ctr_cg_v2_enable : NULL);

		if (fd < 0)
			return err_set(e, fd, "make cgroup '%s'", g->path);
		g->dir[i] = fd;
	}
	return 0;
}

int ctr_cgroup_create(const char *path, const char *id, const struct ctr_resources *res,
		      struct ctr_cgroup **ret, struct err *e)
{
	struct ctr_cgroup *g;
	bool existed = false;
	int r;

	if (ctr_cg_host.mode == CTR_CGROUP_NONE)
		return err_refuse(e, ERR_PRECONDITION, "no cgroup file system is mounted");
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return err_set(e, -ENOMEM, "hold a cgroup");
	for (size_t i = 0; i < CG_HIERS_MAX; i++)
		g->dir[i] = -EBADF;
	g->events_fd = -EBADF;

	r = ctr_cgroup_path_make(path, id, &g->path, e);
	if (r == 0) {
		existed = faccessat(ctr_cg_host.hier[0].root_fd, g->path + 1, F_OK, 0) == 0;
		r = make_dirs(g, e);
	}
	if (r == 0)
		r = check_unused(g, e);
	if (r == 0 && is_v2())
		r = check_v2_leaf(g, e);
	if (r == 0 && !is_v2())
		r = ctr_cg_v1_prepare(g, res, e);
	if (r == 0 && is_v2()) {
		g->events_fd = path_open_beneath(g->dir[0], "cgroup.events", O_RDONLY, 0, true);
		if (g->events_fd < 0)
			r = err_set(e, g->events_fd, "open cgroup.events of '%s'", g->path);
	}
	if (r < 0) {
		/* What was there before us stays. */
		for (size_t i = 0; g->path != NULL && !existed && i < ctr_cg_host.n; i++)
			(void)!ctr_cg_rmdir_path(ctr_cg_host.hier[i].root_fd, g->path);
		ctr_cgroup_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void ctr_cgroup_free(struct ctr_cgroup *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < CG_HIERS_MAX; i++)
		(void)fd_close(g->dir[i]);
	(void)fd_close(g->events_fd);
	free(g->path);
	free(g);
}

const char *ctr_cgroup_path(const struct ctr_cgroup *g)
{
	return g->path;
}

int ctr_cgroup_clone_fd(const struct ctr_cgroup *g)
{
	return is_v2() ? g->dir[0] : -EBADF;
}

int ctr_cgroup_join(struct ctr_cgroup *g, pid_t pid, struct err *e)
{
	char text[16];
	int r;

	if (!is_v2())
		return ctr_cg_v1_join(g, pid, e);
	(void)snprintf(text, sizeof(text), "%d", pid);
	r = ctr_cg_write(g->dir[0], "cgroup.procs", text);
	return r < 0 ? err_set(e, r, "move process %d into cgroup '%s'", pid, g->path) : 0;
}

int ctr_cgroup_apply(struct ctr_cgroup *g, const struct ctr_resources *res, bool devices,
		     struct err *e)
{
	struct cg_set set = {.e = e, .keep_old = !devices};
	int r;

	r = is_v2() ? ctr_cg_v2_apply(g, res, &set) : ctr_cg_v1_apply(g, res, &set);
	if (r < 0) {
		ctr_cg_undo(&set);
		return err_wrap(e, "cgroup '%s'", g->path);
	}
	if (!devices)
		return 0;
	r = is_v2() ? ctr_cg_v2_devices(g, res, e) : ctr_cg_v1_devices(g, res, e);
	return r < 0 ? err_wrap(e, "cgroup '%s'", g->path) : 0;
}

/* Freezing ourselves would leave nobody to thaw. */
static bool holds_self(const struct ctr_cgroup *g)
{
	char text[CG_TEXT_MAX];
	struct slice rest, line, id, controllers;

	if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return false;
	rest = slice_of(text);
	while (slice_cut(&rest, '\n', &line)) {
		if (!slice_cut(&line, ':', &id) || !slice_cut(&line, ':', &controllers) ||
		    line.n == 0)
			continue;
		if (!slice_eq(controllers, is_v2() ? "" : "freezer"))
			continue;
		text[line.p + line.n - text] = '\0';
		return path_is_below(line.p, g->path);
	}
	return false;
}

int ctr_cgroup_freeze(struct ctr_cgroup *g, bool frozen, struct err *e)
{
	int r;

	if (frozen && holds_self(g))
		return err_refuse(e, ERR_PRECONDITION, "cgroup '%s' holds this very process",
				  g->path);
	if (!is_v2())
		return ctr_cg_v1_freeze(g, frozen, e);
	r = ctr_cg_write(g->dir[0], "cgroup.freeze", frozen ? "1" : "0");
	return r < 0 ? err_set(e, r, "%s cgroup '%s'", frozen ? "freeze" : "thaw", g->path) : 0;
}

int ctr_cgroup_is_frozen(struct ctr_cgroup *g)
{
	uint64_t v = 0;
	int r;

	if (!is_v2())
		return ctr_cg_v1_is_frozen(g);
	r = ctr_cg_read_key(g->dir[0], "cgroup.events", "frozen", &v);
	return r < 0 ? r : v != 0;
}

int ctr_cgroup_kill(struct ctr_cgroup *g, struct err *e)
{
	int r;

	if (!is_v2())
		return ctr_cg_v1_kill(g, e);
	r = ctr_cg_write(g->dir[0], "cgroup.kill", "1");
	/* Removed already. */
	if (r == -ENODEV || r == -ENOENT)
		return 0;
	return r < 0 ? err_set(e, r, "kill cgroup '%s'", g->path) : 0;
}

int ctr_cgroup_is_populated(struct ctr_cgroup *g)
{
	uint64_t v = 0;
	int r;

	if (!is_v2())
		return ctr_cg_v1_is_populated(g);
	r = ctr_cg_read_key(g->dir[0], "cgroup.events", "populated", &v);
	if (r == -ENODEV || r == -ENOENT)
		return 0;
	return r < 0 ? r : v != 0;
}

int ctr_cgroup_events_fd(struct ctr_cgroup *g)
{
	return g->events_fd;
}

int ctr_cgroup_remove(struct ctr_cgroup *g, struct err *e)
{
	int first = 0;

	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		int r = ctr_cg_rmdir_path(ctr_cg_host.hier[i].root_fd, g->path);

		if (r < 0 && first == 0)
			first = err_set(e, r, "remove cgroup '%s'", g->path);
	}
	return first;
}

uint64_t ctr_cgroup_oom_kills(struct ctr_cgroup *g)
{
	uint64_t own = 0;
	int r;

	r = is_v2() ? ctr_cg_read_key(g->dir[0], "memory.events", "oom_kill", &own)
		    : ctr_cg_read_key(ctr_cg_dir(g, CG_MEMORY), "memory.oom_control", "oom_kill",
				      &own);
	return r < 0 ? 0 : own;
}

/* Each ancestor below the root first: a group may only use what its parent has. */
int ctr_cgroup_update_cpuset(struct ctr_cgroup *g, const char *online, const char *cpus,
			     struct err *e)
{
	cleanup_free char *part = strdup(g->path + 1);
	int dir = is_v2() ? g->dir[0] : ctr_cg_dir(g, CG_CPUSET), root = -EBADF, r;

	if (part == NULL)
		return err_set(e, -ENOMEM, "hold a path");
	if (dir < 0)
		return 0;
	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		if (g->dir[i] == dir)
			root = ctr_cg_host.hier[i].root_fd;
	}

	for (char *slash = strchr(part, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		cleanup_close int up = -EBADF;

		*slash = '\0';
		up = path_open_beneath(root, part, O_RDONLY | O_DIRECTORY, 0, true);
		r = up < 0 ? up : ctr_cg_write(up, "cpuset.cpus", online);
		if (r < 0)
			return err_set(e, r, "write '%s' to cpuset.cpus of cgroup '/%s'", online,
				       part);
		*slash = '/';
	}
	r = ctr_cg_write(dir, "cpuset.cpus", str_empty(cpus) ? online : cpus);
	return r < 0 ? err_set(e, r, "write cpuset.cpus of cgroup '%s'", g->path) : 0;
}
