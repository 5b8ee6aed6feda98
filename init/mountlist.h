/* SPDX-License-Identifier: Apache-2.0 */
/* Mount points out of the text of /proc/self/mountinfo; pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/**
 * mountlist_next() - the mount point of the next line
 * @rest: what is left of the text; moved on
 * @buf:  receives the path with the kernel's octal escapes undone
 *
 * Lines that are cut off or too long for @buf are skipped.
 * Return: false at the end.
 * Source: proc_pid_mountinfo(5), field 5.
 */
bool mountlist_next(struct slice *rest, char *buf, size_t size);
