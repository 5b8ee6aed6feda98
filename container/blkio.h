/* SPDX-License-Identifier: Apache-2.0 */
/* OCI blockIO numbers as cgroup values. Pure. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct ctr_blkio;

/* Return: 0, or -EINVAL (ERR_INVALID) naming the field. Weights are 10..1000, 0 is absent. */
int ctr_blkio_check(const struct ctr_blkio *b, struct err *e) must_check;

/* io.weight (1..10000) for a blkio weight (10..1000), linear. Return: 0 for 0. */
uint64_t ctr_blkio_weight_v2(uint64_t weight);
