/* SPDX-License-Identifier: Apache-2.0 */
/* OCI memory limits as cgroup values. Pure arithmetic: the backends write the files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct ctr_memory;

/**
 * ctr_memory_check() - what can be wrong with linux.resources.memory on any version
 * Return: 0, or -EINVAL (ERR_INVALID) naming the field.
 */
int ctr_memory_check(const struct ctr_memory *m, struct err *e) must_check;

/**
 * ctr_memory_swap_max() - value for the v2 file memory.swap.max
 * @limit: memory.limit in bytes; -1: none; 0 and CTR_UNSET: absent
 * @swap:  memory.swap: memory and swap together; same special values
 * @ret:   bytes of swap alone, -1 for "max"; untouched unless 1 is returned
 *
 * OCI counts memory and swap together, cgroup v2 counts swap alone.
 *
 * Return: 1 write *ret; 0 leave the file alone; -EINVAL (ERR_INVALID).
 * Source: OCI runtime-spec config-linux.md "Memory"; kernel admin-guide/cgroup-v2.rst "Memory".
 */
int ctr_memory_swap_max(int64_t limit, int64_t swap, int64_t *ret, struct err *e) must_check;

/* v1: whether memsw must be written before the limit, which may never be above it. @now: present limit. */
bool ctr_memory_swap_first(int64_t swap, uint64_t now);
