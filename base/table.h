/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted name tables with one binary search. A unit test checks that every table is sorted (strcmp order). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry {
	const char *name;
	uint64_t value;
};

/* Return: the entry, or NULL. */
const struct table_entry *table_find(const struct table_entry *table, size_t n, const char *name);
/* First entry with this value, or NULL. Linear. */
const char *table_name(const struct table_entry *table, size_t n, uint64_t value);
bool table_is_sorted(const struct table_entry *table, size_t n);
