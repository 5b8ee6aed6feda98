/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VM's cgroup on the host, in whatever is mounted there: v2 with or without controllers, v1
 * hierarchies, or nothing. Limits are a second wall, so what is missing is noted, not an error.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

#define VMM_CGROUPS_MAX 4

struct vmm_cgroup {
	char dir[VMM_CGROUPS_MAX][256]; /* the VM's folder in each hierarchy */
	unsigned n;
	char note[160]; /* what applies, for people */
};

/* Creates the groups of VM @name and moves the caller into them. @memory: limit in bytes. */
void vmm_cgroup_enter(struct vmm_cgroup *g, const char *name, uint64_t memory, uint32_t pids);

/* Moves the caller back to the top and removes the groups. */
void vmm_cgroup_leave(const struct vmm_cgroup *g);

/* Removes the groups of a VM that died without doing so. */
void vmm_cgroup_forget(const char *name);
