/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capped bump allocator: one free for a whole call or container. A message that explodes in memory
 * hits the cap instead of eating the guest.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t used; /* bytes asked of malloc */
	size_t max;
};

#define ARENA_INIT(maximum) ((struct arena){.max = (maximum)})
#define cleanup_arena       __attribute__((cleanup(arena_done)))

void arena_done(struct arena *a);
/* Zeroed, 16-byte aligned. Return: NULL when the cap is reached or memory ran out. */
void *arena_alloc(struct arena *a, size_t n) must_check;
void *arena_array(struct arena *a, size_t n,
		  size_t size) must_check; /* overflow-checked n * size */
char *arena_dup(struct arena *a, const char *s) must_check;
char *arena_dup_n(struct arena *a, const void *p, size_t n) must_check; /* adds a NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) printf_fmt(2, 3) must_check;
