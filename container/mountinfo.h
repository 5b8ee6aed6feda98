/* SPDX-License-Identifier: Apache-2.0 */
/* Our own mount table, through libmount and from the kernel's file only: no fstab, no utab. */
#pragma once

#include "base/arena.h"
#include "base/cleanup.h"

struct err;

/**
 * ctr_mountinfo_hidden() - what a container must not see when its root is moved, not pivoted
 * @except: a directory; mounts at or below it are the container's own
 *
 * Whole procfs and sysfs mounts, deepest first: while one is unmasked anywhere in a mount
 * namespace, the kernel lets a user namespace made in the container mount a fresh one.
 *
 * Owns: *ret is NULL-terminated and lives in @arena.
 * Return: 0 or -errno.
 * Source: user_namespaces(7) and mount_namespaces(7), "restrictions on mount namespaces".
 */
int ctr_mountinfo_hidden(struct arena *arena, const char *except, const char *const **ret,
			 struct err *e) must_check;
