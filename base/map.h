/* SPDX-License-Identifier: Apache-2.0 */
/* String-keyed hash map of borrowed values; keys are copied. Order of iteration is insertion order. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct map_slot;
struct map {
	struct map_slot *slots;
	size_t n_slots, n, n_used;
};

void map_done(struct map *m);                        /* frees keys, not values */
void *map_get(const struct map *m, const char *key); /* NULL: absent */
int map_put(struct map *m, const char *key,
	    void *value) must_check;           /* -EEXIST when the key is there, -ENOMEM */
void *map_del(struct map *m, const char *key); /* the value, or NULL */
/* it = 0 at first; Return: key or NULL at the end. Deleting the entry just returned is allowed. */
const char *map_next(const struct map *m, size_t *it, void **ret_value);
