/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel command line as init reads it. Pure: bytes in, numbers out. The agent reads its own
 * words; init knows only those that decide how the guest is set up. Of a repeated word the last
 * counts, because hosts append what the user asked for. Unknown words are none of our business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct boot_params {
	bool cgroup_v1;     /* systemd.unified_cgroup_hierarchy=0 without cgroup_no_v1=all */
	bool show_timeline; /* pith.timeline: print the boot timeline on the console */
	uint64_t shutdown_grace_ms; /* pith.shutdown_grace=SECONDS: between TERM and KILL */
	char agent[256];            /* pith.agent=PATH: the program to supervise */
};

#define BOOT_GRACE_DEFAULT_MS 2000
#define BOOT_GRACE_MAX_S      60

/**
 * boot_params_parse() - /proc/cmdline into *ret, defaults where nothing is said
 * @bad: called for a word of ours whose value is not usable; the default stays. May be NULL
 *
 * A word may carry a quoted value with spaces (dm-mod.create="..."), which is skipped whole.
 * Source: kernel admin-guide/kernel-parameters.rst
 */
void boot_params_parse(struct slice text, struct boot_params *ret,
		       void (*bad)(void *data, struct slice word), void *data);
