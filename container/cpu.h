/* SPDX-License-Identifier: Apache-2.0 */
/* OCI cpu numbers as cgroup values. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct ctr_cpu;

#define CTR_CPU_PERIOD_DEFAULT 100000 /* us; kernel admin-guide/cgroup-v2.rst "cpu.max" */

/* Return: 0, or -EINVAL (ERR_INVALID) naming the field. */
int ctr_cpu_check(const struct ctr_cpu *c, struct err *e) must_check;

/**
 * ctr_cpu_weight() - cpu.weight for cpu.shares
 *
 * The curve of runc and crun: 2 gives 1, 1024 gives 100, 262144 gives 10000, so that the default of
 * one is the default of the other. ceil(10 ^ ((l^2 + 125 l) / 612 - 7/34)), l = log2(shares).
 *
 * Return: 1..10000, or 0 when @shares is 0 (leave it alone).
 */
uint64_t ctr_cpu_weight(uint64_t shares);

/**
 * ctr_cpu_max() - text for cpu.max
 * @quota:  CTR_UNSET: absent; 0 or below: no limit
 * @period: CTR_UNSET or 0: absent
 * @now:    the present text, for the half that is absent
 * Return: 1 text in @buf, 0 nothing to write.
 */
int ctr_cpu_max(int64_t quota, int64_t period, const char *now, char *buf, size_t size) must_check;
