/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation failure: a program named in TORTURE (tests/build.mk) has its allocations counted, and
 * torture_each runs a piece of work once for each of them with that one failing.
 */
#pragma once

#include <stdbool.h>

/**
 * torture_each() - fails the first allocation, then the second, ... until the work needs no more
 * @work: does one whole piece of work from scratch and cleans up, whatever fails.
 *        Return: 0 when it succeeded, negative when it reported a failure
 * @data: handed to @work
 *
 * Return: the number of allocations tried; -1 when @work said success although its allocation
 *         failed, or said failure although none did. (Leaks are found by the leak sanitizer.)
 */
int torture_each(int (*work)(void *data), void *data);
