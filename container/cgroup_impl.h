/* SPDX-License-Identifier: Apache-2.0 */
/* What cgroup.c and its two backends share. Nothing outside container/cgroup*, oom, stats sees it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "container/cgroup.h"

struct ctr_hugepage_limit;
struct ctr_rdma;

/* In the order in which a process joins the v1 hierarchies: cpuset before memory, freezer late. */
enum cg_controller {
	CG_CPUSET,
	CG_DEVICES,
	CG_MEMORY,
	CG_CPU,
	CG_CPUACCT,
	CG_PIDS,
	CG_BLKIO,
	CG_HUGETLB,
	CG_NET_CLS,
	CG_NET_PRIO,
	CG_PERF_EVENT,
	CG_FREEZER,
	CG_RDMA,
	CG_NAMED, /* name=systemd and the like: no limits, membership only */
	CG_MISC,
	CG_UNIFIED, /* the v2 tree: alone in v2 mode, membership only in the hybrid layout */
	CG_CONTROLLERS,
};

#define CG_HIERS_MAX 20
#define CG_TEXT_MAX  4096 /* enough for every file that we set and read back */

struct cg_hier {
	int root_fd;
	uint32_t controllers; /* bits of enum cg_controller */
};

struct cg_host {
	enum ctr_cgroup_mode mode;
	bool ready;
	bool tolerant;                     /* ctr_cgroup_tolerate_foreign */
	struct cg_hier hier[CG_HIERS_MAX]; /* in join order */
	size_t n;
};

extern struct cg_host ctr_cg_host;

struct ctr_cgroup {
	char *path;
	int dir[CG_HIERS_MAX]; /* the group in each hierarchy of the host; -EBADF: none */
	int events_fd;         /* v2 cgroup.events */
};

/* ---- cgroup_path.c: pure ---- */

/**
 * ctr_cgroup_path_make() - linux.cgroupsPath to a clean path below the root
 * Return: 0, or a refusal: line break, too long, or nothing but the root itself.
 * Owns: *ret is the caller's.
 */
int ctr_cgroup_path_make(const char *path, const char *id, char **ret, struct err *e) must_check;

/* ---- cgroup_file.c: files and directories by fd ---- */

ssize_t ctr_cg_read(int dir, const char *file, char *buf, size_t cap) must_check;
/* One write(2), repeated on EINTR. */
int ctr_cg_write(int dir, const char *file, const char *text) must_check;
int ctr_cg_write_u64(int dir, const char *file, uint64_t v) must_check;
int ctr_cg_read_u64(int dir, const char *file, uint64_t *ret) must_check;
bool ctr_cg_has(int dir, const char *file);
/* The value of "@key N" in a flat-keyed file. Return: 0 or -errno; -ENOENT: no such line. */
int ctr_cg_read_key(int dir, const char *file, const char *key, uint64_t *ret) must_check;

/**
 * ctr_cg_mkdir_path() - every part of @path below @root, checked to be on a cgroup file system
 * @before: runs on the directory in which the next part is about to be made; may be NULL
 * On failure what was made is removed again. Return: fd of the last directory, or -errno.
 */
int ctr_cg_mkdir_path(int root, const char *path, void (*before)(int dir)) must_check;

/* rmdir the group and all below it, then the parents that we made and nobody uses. -EBUSY: something lives there. */
int ctr_cg_rmdir_path(int root, const char *path) must_check;

/* Calls @fn for each pid in the group and below. Stops when it returns non-zero and returns that. */
int ctr_cg_each_pid(int dir, int (*fn)(void *data, pid_t pid), void *data) must_check;

/* ---- settings with undo: an update that fails half-way restores what it changed ---- */

struct cg_set {
	struct err *e;
	bool keep_old; /* update: remember old values */
	size_t n;
	struct {
		int dir;
		char file[64];
		char old[256];
	} undo[24];
};

/* Writes and says in words what failed, with the present value of the file where that helps. */
int ctr_cg_set(struct cg_set *s, int dir, const char *file, const char *text) must_check;
int ctr_cg_set_i64(struct cg_set *s, int dir, const char *file, int64_t v) must_check;
int ctr_cg_setf(struct cg_set *s, int dir, const char *file, const char *fmt, ...)
	printf_fmt(4, 5) must_check;
/* cpuset.cpus: a list that the machine lacks is only logged where that was asked for. */
int ctr_cg_set_cpus(struct cg_set *s, int dir, const char *cpus) must_check;
/* hugetlb.SIZE@suffix and its reservation twin; the same for an unknown size. */
int ctr_cg_set_hugepage(struct cg_set *s, int dir, const struct ctr_hugepage_limit *h,
			const char *suffix) must_check;
int ctr_cg_set_rdma(struct cg_set *s, int dir,
		    const struct ctr_rdma *r) must_check; /* rdma.max, both versions */
void ctr_cg_undo(struct cg_set *s);

/* ---- backends ---- */

/* Return: the fd, or -EBADF when the controller has no hierarchy. */
int ctr_cg_dir(const struct ctr_cgroup *g, enum cg_controller c);

/* All of these: Return 0, or -errno with @e filled; the is_ ones 1, 0 or -errno. */

/* Opens the hierarchies that are mounted, in join order. */
int ctr_cg_v1_discover(struct cg_host *h, struct err *e) must_check;
/* What a process needs before it may join: cpuset and real-time budget. @res may be NULL. */
int ctr_cg_v1_prepare(struct ctr_cgroup *g, const struct ctr_resources *res,
		      struct err *e) must_check;
/* Moves the whole process in every hierarchy. */
int ctr_cg_v1_join(struct ctr_cgroup *g, pid_t pid, struct err *e) must_check;
/* Limits; the words of a failure go to the err of @set. */
int ctr_cg_v1_apply(struct ctr_cgroup *g, const struct ctr_resources *res,
		    struct cg_set *set) must_check;
/* Device rules, read back and compared. */
int ctr_cg_v1_devices(struct ctr_cgroup *g, const struct ctr_resources *res,
		      struct err *e) must_check;
/* Asks once; done when is_frozen says so. */
int ctr_cg_v1_freeze(struct ctr_cgroup *g, bool frozen, struct err *e) must_check;
/* Asks again when the kernel is still at it. */
int ctr_cg_v1_is_frozen(struct ctr_cgroup *g);
/* One round over all processes, which are then thawed. */
int ctr_cg_v1_kill(struct ctr_cgroup *g, struct err *e) must_check;
/* Whether the group or one below has a process. */
int ctr_cg_v1_is_populated(struct ctr_cgroup *g);

/* Hands every controller of @dir down to its children; what cannot be handed down is left out. */
void ctr_cg_v2_enable(int dir);
/* Limits; the words of a failure go to the err of @set. */
int ctr_cg_v2_apply(struct ctr_cgroup *g, const struct ctr_resources *res,
		    struct cg_set *set) must_check;
/* Loads the device program and swaps it in. */
int ctr_cg_v2_devices(struct ctr_cgroup *g, const struct ctr_resources *res,
		      struct err *e) must_check;
