/* SPDX-License-Identifier: Apache-2.0 */
/* Capability names, bits and sets. A set is a uint64_t with bit n for capability n. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ctr_strv;

#define CTR_CAP_BIT(n) (UINT64_C(1) << (n))

/**
 * ctr_cap_parse() - capability name to its number
 * @name: "CAP_CHOWN", "chown", "Cap_Chown": any case, the prefix may be missing
 *
 * Return: 0, or -EINVAL for a name nobody knows; *ret_bit is untouched then.
 * Source: include/uapi/linux/capability.h; OCI runtime-spec config.md "Linux Process".
 */
int ctr_cap_parse(const char *name, unsigned *ret_bit) must_check;

/* "CAP_CHOWN" for 0. Return: NULL beyond the table. */
const char *ctr_cap_name(unsigned bit);

/**
 * ctr_cap_last() - highest capability of the running kernel, asked once and remembered
 *
 * Asks prctl(PR_CAPBSET_READ) and never /proc: a file under a container's control may lie.
 * Return: its number; 63 at most.
 */
unsigned ctr_cap_last(void);

/**
 * ctr_cap_set_parse() - names to a set, restricted to what the running kernel has
 * @unknown: unknown and unsupported names, comma separated, cut at @size; NULL: not wanted
 *
 * OCI: a runtime does not fail for a capability it cannot grant.
 * Return: the set.
 */
uint64_t ctr_cap_set_parse(const struct ctr_strv *names, char *unknown, size_t size);

/* What containerd gives a container that asks for nothing special. */
extern const uint64_t ctr_cap_default_set;
