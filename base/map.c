/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries lie in insertion order in one array; an open-addressing index of positions, twice as long,
 * follows it in the same allocation. A deleted entry keeps its place until the next rebuild, so an
 * iteration may delete.
 */
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MAP_FIRST_SLOTS 8
#define MAP_MAX_SLOTS   ((size_t)1 << 24)

struct map_slot {
	char *key; /* NULL: deleted */
	void *value;
	uint64_t hash;
};

/* FNV-1a from a start that differs in every process, as keys come from outside. */
static uint64_t hash_key(const char *key)
{
	static uint64_t start;
	uint64_t h;

	if (start == 0) {
		/* Early in boot a weak number now is better than a good one later. */
		(void)!getrandom(&start, sizeof(start), GRND_INSECURE);
		start |= 1;
	}
	h = start ^ UINT64_C(0xcbf29ce484222325);
	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return h ^ (h >> 32);
}

static uint32_t *index_of(const struct map *m)
{
	return (uint32_t *)(void *)(m->slots + m->n_slots);
}

/* The place in the index that holds @key, or the empty place where it would go. */
static size_t find(const struct map *m, const char *key, uint64_t hash)
{
	size_t mask = m->n_slots * 2 - 1;
	const uint32_t *index = index_of(m);
	size_t i;

	for (i = hash & mask; index[i] != 0; i = (i + 1) & mask) {
		const struct map_slot *s = &m->slots[index[i] - 1];

		if (s->key != NULL && s->hash == hash && strcmp(s->key, key) == 0)
			break;
	}
	return i;
}

/* Room for one more entry: drops the deleted ones, doubles when it is still more than half full. */
static int rebuild(struct map *m)
{
	struct map next = {0};
	uint32_t *index;

	next.n_slots = MAX(m->n_slots, (size_t)MAP_FIRST_SLOTS);
	if (m->n > next.n_slots / 2)
		next.n_slots *= 2;
	if (next.n_slots > MAP_MAX_SLOTS)
		return -ENOMEM;
	next.slots = calloc(next.n_slots, sizeof(struct map_slot) + 2 * sizeof(uint32_t));
	if (next.slots == NULL)
		return -ENOMEM;

	index = index_of(&next);
	for (size_t i = 0; i < m->n_used; i++) {
		if (m->slots[i].key == NULL)
			continue;
		next.slots[next.n_used] = m->slots[i];
		index[find(&next, m->slots[i].key, m->slots[i].hash)] = (uint32_t)(next.n_used + 1);
		next.n_used++;
	}
	next.n = m->n;
	free(m->slots);
	*m = next;
	return 0;
}

void map_done(struct map *m)
{
	for (size_t i = 0; i < m->n_used; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct map){0};
}

static struct map_slot *lookup(const struct map *m, const char *key)
{
	size_t place;

	if (m->n == 0)
		return NULL;
	place = find(m, key, hash_key(key));
	if (index_of(m)[place] == 0)
		return NULL;
	return &m->slots[index_of(m)[place] - 1];
}

void *map_get(const struct map *m, const char *key)
{
	const struct map_slot *s = lookup(m, key);

	return s != NULL ? s->value : NULL;
}

int map_put(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_key(key);
	char *copy;
	int r;

	if (lookup(m, key) != NULL)
		return -EEXIST;
	if (m->n_used == m->n_slots) {
		r = rebuild(m);
		if (r < 0)
			return r;
	}
	copy = strdup(key);
	if (copy == NULL)
		return -ENOMEM;
	m->slots[m->n_used] = (struct map_slot){copy, value, hash};
	index_of(m)[find(m, key, hash)] = (uint32_t)(m->n_used + 1);
	m->n_used++;
	m->n++;
	return 0;
}

void *map_del(struct map *m, const char *key)
{
	struct map_slot *s = lookup(m, key);
	void *value;

	if (s == NULL)
		return NULL;
	value = s->value;
	/* @key may be the very string that is freed here. */
	free(TAKE_PTR(s->key));
	s->value = NULL;
	m->n--;
	return value;
}

const char *map_next(const struct map *m, size_t *it, void **ret_value)
{
	while (*it < m->n_used) {
		const struct map_slot *s = &m->slots[(*it)++];

		if (s->key == NULL)
			continue;
		if (ret_value != NULL)
			*ret_value = s->value;
		return s->key;
	}
	return NULL;
}
