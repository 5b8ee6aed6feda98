/* SPDX-License-Identifier: Apache-2.0 */
/* The bump allocator. Blocks come from calloc, so large zeroed blocks cost no page until touched. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN 16
#define ARENA_BLOCK 4096

struct arena_block {
	struct arena_block *next;
	size_t size, used; /* bytes of data[] */
	/* 16 covers every type, the vector ones included. */
	_Alignas(ARENA_ALIGN) char data[];
};

void arena_done(struct arena *a)
{
	while (a->head != NULL) {
		struct arena_block *b = a->head;

		a->head = b->next;
		free(b);
	}
	a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t left = a->max - a->used;
	struct arena_block *b;
	size_t total;

	if (left < sizeof(*b) || n > left - sizeof(*b))
		return NULL;
	total = sizeof(*b) + n;
	if (total < ARENA_BLOCK)
		total = MIN((size_t)ARENA_BLOCK, left);
	b = calloc(1, total);
	if (b == NULL)
		return NULL;
	b->size = total - sizeof(*b);
	a->used += total;

	/* A block made for one large object is full at once: keep the head that has room. */
	if (a->head != NULL && total > ARENA_BLOCK) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		b->next = a->head;
		a->head = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	void *p;

	if (n > SIZE_MAX - ARENA_ALIGN)
		return NULL;
	n = (MAX(n, (size_t)1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (b == NULL || n > b->size - b->used) {
		b = add_block(a, n);
		if (b == NULL)
			return NULL;
	}
	p = b->data + b->used;
	b->used += n;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(a, total);
}

char *arena_dup_n(struct arena *a, const void *p, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		return NULL;
	copy = arena_alloc(a, n + 1);
	if (copy != NULL && n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *arena_dup(struct arena *a, const char *s)
{
	return arena_dup_n(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (p == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
