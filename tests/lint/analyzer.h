/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before every file under clang-tidy only: tells the analyzer what the house style promises
 * and the code cannot say, that errno is positive where it is read and that err_set is negative.
 */
#pragma once

#include "base/banned.h"

#include <errno.h>

static inline int *analyzer_errno(void)
{
	int *e = __errno_location();

	if (*e <= 0)
		__builtin_unreachable();
	return e;
}
#undef errno
#define errno (*analyzer_errno())

#ifndef ANALYZE_ERR_ITSELF
#	include "base/err.h"

static inline int analyzer_negative(int r)
{
	if (r >= 0)
		__builtin_unreachable();
	return r;
}
#	define err_set(...)    analyzer_negative((err_set)(__VA_ARGS__))
#	define err_refuse(...) analyzer_negative((err_refuse)(__VA_ARGS__))
#	define err_wrap(...)   analyzer_negative((err_wrap)(__VA_ARGS__))
#endif
