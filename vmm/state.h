/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /run/pith/vm/NAME: what is known of a VM, for other commands and for people. The keeper removes
 * the folder when the VM ends; a folder whose keeper is gone is a leftover and is cleared away.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/pidref.h"
#include "vmm/config.h"

struct err;

struct vmm_state {
	char name[VMM_NAME_MAX];
	pid_t keeper, qemu;    /* as the host counts */
	uint64_t keeper_start; /* clock ticks after boot: tells a recycled pid */
	uid_t uid;
	char accel[8], accel_why[128], cgroup[160], kernel[VMM_PATH_MAX], initrd[VMM_PATH_MAX];
	uint64_t memory;
	uint32_t cpus;
	bool seccomp;
};

/* Folder of all VMs: $PITH_RUN_DIR or /run/pith. */
const char *vmm_run_dir(void);

/* "<run dir>/vm/NAME[/FILE]". Return: 0 or -ENAMETOOLONG. */
int vmm_state_path(const char *name, const char *file, char ret[static VMM_PATH_MAX],
		   struct err *e) must_check;

/* Makes the folder, for root alone; a leftover of the same name is cleared. -EEXIST: the VM runs. */
int vmm_state_create(const char *name, struct err *e) must_check;
int vmm_state_write(const struct vmm_state *s, struct err *e) must_check;
int vmm_state_read(const char *name, struct vmm_state *ret, struct err *e) must_check;

/* Opens the keeper. Return: 0, -ESRCH when it is gone, or -errno. Owns: *@ret owns the pidfd. */
int vmm_state_keeper(const struct vmm_state *s, struct pidref *ret) must_check;

/* Field 22 of /proc/PID/stat. Return: 0 when the process is gone. */
uint64_t vmm_start_time(pid_t pid);

/* Removes folder and cgroups; harmless when they are gone. */
void vmm_state_remove(const char *name);

/* Calls @fn for each VM that runs, in no order; leftovers are cleared. Return: 0 or -errno. */
int vmm_state_each(int (*fn)(const struct vmm_state *s, void *data), void *data,
		   struct err *e) must_check;

/* One JSON object. Return: malloc'ed text, or NULL. */
char *vmm_state_json(const struct vmm_state *s, bool pretty) must_check;
