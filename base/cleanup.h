/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership: cleanup attributes and the macros that hand an object over. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define MIN(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) min_a_ = (a);                                                        \
		__typeof__(b) min_b_ = (b);                                                        \
		min_a_ < min_b_ ? min_a_ : min_b_;                                                 \
	})

#define MAX(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) max_a_ = (a);                                                        \
		__typeof__(b) max_b_ = (b);                                                        \
		max_a_ > max_b_ ? max_a_ : max_b_;                                                 \
	})

/* The value of a variable that owns, leaving it empty. */
#define TAKE(var, empty)                                                                           \
	({                                                                                         \
		__typeof__(var) take_v_ = (var);                                                   \
		(var) = (empty);                                                                   \
		take_v_;                                                                           \
	})
#define TAKE_PTR(var) TAKE(var, NULL)
#define TAKE_FD(var)  TAKE(var, -EBADF)

static inline void cleanup_close_fn(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

static inline void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fclose_fn(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

static inline void cleanup_closedir_fn(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

/* An fd that owns starts as -EBADF and is closed when its scope ends; errno survives. */
#define cleanup_close    __attribute__((cleanup(cleanup_close_fn)))
#define cleanup_free     __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_fclose   __attribute__((cleanup(cleanup_fclose_fn)))
#define cleanup_closedir __attribute__((cleanup(cleanup_closedir_fn)))

#define must_check       __attribute__((warn_unused_result))
#define printf_fmt(f, a) __attribute__((format(printf, f, a)))
#define unused_arg       __attribute__((unused))
