/* SPDX-License-Identifier: Apache-2.0 */
/* The counting allocators that -Wl,--wrap puts in the place of libc's. */
#include "tests/torture.h"

#include <errno.h>
#include <stddef.h>

#define ROUNDS_MAX 100000

static unsigned long count, fail_at; /* fail_at 0: nothing fails */
static bool was_hit;

static bool hit(void)
{
	if (fail_at == 0 || ++count != fail_at)
		return false;
	was_hit = true;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
	return hit() ? NULL : __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return hit() ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
	return hit() ? NULL : __real_realloc(p, n);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return hit() ? NULL : __real_reallocarray(p, n, size);
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
	return hit() ? NULL : __real_strdup(s);
}

char *__real_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n)
{
	return hit() ? NULL : __real_strndup(s, n);
}

int torture_each(int (*work)(void *data), void *data)
{
	for (unsigned long n = 1; n <= ROUNDS_MAX; n++) {
		int r;

		count = 0;
		was_hit = false;
		fail_at = n;
		r = work(data);
		fail_at = 0;
		if (!was_hit)
			return r == 0 ? (int)n - 1 : -1;
		if (r >= 0)
			return -1;
	}
	return -1;
}
