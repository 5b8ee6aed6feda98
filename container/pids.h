/* SPDX-License-Identifier: Apache-2.0 */
/* OCI pids limit as a cgroup value. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/**
 * ctr_pids_max() - text for pids.max, the same on v1 and v2
 * @limit: CTR_UNSET: absent; below 0: no limit; 0 becomes 1, because with 0 not even the first
 *         process can be cloned into the group
 * Return: 1 text in @buf, 0 nothing to write.
 */
int ctr_pids_max(int64_t limit, char *buf, size_t size) must_check;
