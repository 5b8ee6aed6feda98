/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups, v2 and v1 behind one object. The mode is found once per process; a group holds
 * directory fds, so that stats, update, freeze and kill never format a path again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct err;
struct loop;
struct ctr_resources;
struct ctr_stats;
struct ctr_cgroup;

enum ctr_cgroup_mode {
	CTR_CGROUP_V2,
	CTR_CGROUP_V1, /* also the hybrid layout: limits by v1 */
	CTR_CGROUP_NONE,
};

/* Finds how /sys/fs/cgroup is mounted and opens the roots; once per process, after they are mounted. */
int ctr_cgroup_setup(struct err *e) must_check;
enum ctr_cgroup_mode ctr_cgroup_get_mode(void);
/* From now on CPUs and huge page sizes that this machine lacks are logged and left out, as hosts of a guest expect: they speak of their own. */
void ctr_cgroup_tolerate_foreign(void);
/* The running process moves itself into a leaf group of this name below the root, so that the root may delegate; memory_min 0: none. */
int ctr_cgroup_join_self(const char *name, uint64_t memory_min_bytes, struct err *e) must_check;

/**
 * ctr_cgroup_create() - make the group and give it what must be there before a process joins
 * @path:  linux.cgroupsPath as sent ("slice:prefix:name" becomes slice/prefix/name); NULL: "/<id>"
 * @id:    container id
 * @res:   NULL: no limits
 * Refuses a group that exists with processes in it or is frozen.
 * Owns: *ret is the caller's, freed by ctr_cgroup_free, which removes nothing.
 */
int ctr_cgroup_create(const char *path, const char *id, const struct ctr_resources *res,
		      struct ctr_cgroup **ret, struct err *e) must_check;
void ctr_cgroup_free(struct ctr_cgroup *g);
const char *ctr_cgroup_path(const struct ctr_cgroup *g); /* below the root, starts with "/" */

/* v2: the fd for CLONE_INTO_CGROUP (borrowed). v1: -EBADF, use ctr_cgroup_join after the clone. */
int ctr_cgroup_clone_fd(const struct ctr_cgroup *g);
int ctr_cgroup_join(struct ctr_cgroup *g, pid_t pid, struct err *e) must_check;

/* Limits after the join and before the process may go on; @devices: also the device rules (create, not update). */
int ctr_cgroup_apply(struct ctr_cgroup *g, const struct ctr_resources *res, bool devices,
		     struct err *e) must_check;

/* Level-triggered and bounded: asks the kernel; done when ctr_cgroup_is_frozen says so (v2: cgroup.events; v1: freezer.state). */
int ctr_cgroup_freeze(struct ctr_cgroup *g, bool frozen, struct err *e) must_check;
int ctr_cgroup_is_frozen(struct ctr_cgroup *g); /* 1, 0, -errno */
/* SIGKILL to everything in the group and below; thaws. Return: 0 also when it is empty or gone. One round on v1: repeat until ctr_cgroup_is_populated is 0. */
int ctr_cgroup_kill(struct ctr_cgroup *g, struct err *e) must_check;
int ctr_cgroup_is_populated(struct ctr_cgroup *g); /* 1, 0, -errno */
/* An fd that polls readable (v2: EPOLLPRI on cgroup.events; v1: none, -EBADF) when populated or frozen changes. Owns: borrowed. */
int ctr_cgroup_events_fd(struct ctr_cgroup *g);
/* rmdir bottom-up. Return: 0, -EBUSY while something lives in it. */
int ctr_cgroup_remove(struct ctr_cgroup *g, struct err *e) must_check;

/* Never fails for a single unreadable file: its numbers are 0. */
int ctr_cgroup_read_stats(struct ctr_cgroup *g, struct ctr_stats *ret, struct err *e) must_check;

/* OOM: @fn runs for every increase of the kill count while the watch lives. */
struct ctr_oom_watch;
int ctr_oom_watch_new(struct loop *loop, struct ctr_cgroup *g,
		      void (*fn)(void *data, uint64_t kills), void *data,
		      struct ctr_oom_watch **ret, struct err *e) must_check;
void ctr_oom_watch_free(struct ctr_oom_watch *w);
uint64_t ctr_cgroup_oom_kills(struct ctr_cgroup *g); /* so far; 0 when unreadable */

/* The online CPUs changed: give them to each ancestor below the root, top down, then @cpus (the container's own, may be NULL) to the group. */
int ctr_cgroup_update_cpuset(struct ctr_cgroup *g, const char *online, const char *cpus,
			     struct err *e) must_check;
