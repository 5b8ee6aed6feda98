/* SPDX-License-Identifier: Apache-2.0 */
/* Strict numbers: the whole string, no sign where none is meant, no space, range checked. *ret is untouched on failure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

int parse_u32(const char *s, uint32_t *ret) must_check;
int parse_u64(const char *s, uint64_t *ret) must_check;
int parse_i64(const char *s, int64_t *ret) must_check;    /* one leading '-' allowed */
int parse_hex64(const char *s, uint64_t *ret) must_check; /* no 0x prefix */
int parse_octal32(const char *s, uint32_t *ret) must_check;
/* Bytes with an optional k, m, g, t suffix (powers of 1024, either case). */
int parse_size(const char *s, uint64_t *ret) must_check;
int parse_slice_u64(struct slice s, uint64_t *ret) must_check;
/**
 * parse_cpulist() - "0-3,7" into a bitmap
 * @bits:      room for @max_bits bits in words of 64; cleared first; untouched on failure
 * @ret_count: highest bit set plus one; 0 for empty text
 * Return: 0, -EINVAL, or -ERANGE for a bit that has no room.
 */
int parse_cpulist(const char *s, uint64_t *bits, unsigned max_bits, unsigned *ret_count) must_check;
