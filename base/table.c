/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups in sorted constant tables. */
#include "base/table.h"

#include <string.h>

const struct table_entry *table_find(const struct table_entry *table, size_t n, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name, table[mid].name);

		if (order == 0)
			return &table[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const char *table_name(const struct table_entry *table, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].value == value)
			return table[i].name;
	}
	return NULL;
}

bool table_is_sorted(const struct table_entry *table, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (strcmp(table[i - 1].name, table[i].name) >= 0)
			return false;
	}
	return true;
}
