/* SPDX-License-Identifier: Apache-2.0 */
/* Option words of a storage, as mount(8) spells them, into flags and the file system's own data. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;

/* The kernel copies one page of data (copy_mount_options), its NUL included. */
#define MOUNT_DATA_MAX 4096

struct mount_opts {
	unsigned long flags;       /* MS_* without bind, rec and propagation */
	unsigned long propagation; /* MS_SHARED, MS_PRIVATE, ...; 0: none asked for */
	bool propagates_below;     /* rprivate and the like */
	bool is_bind, is_recursive;
	char data[MOUNT_DATA_MAX];
};

/**
 * mount_opts_parse() - later words override earlier ones
 * @skip: words that start with it are the caller's own; NULL: none
 *
 * Words for user space (_netdev, nofail, X-...) are dropped: kernels refuse them as data.
 *
 * Return: 0, or -EINVAL: "loop", or data longer than a page.
 */
int mount_opts_parse(char *const *words, size_t n, const char *skip, struct mount_opts *ret,
		     struct err *e) must_check;

/* MS_* of the per-mount kind as MOUNT_ATTR_*, for mount_setattr(2). */
uint64_t mount_opts_attr(const struct mount_opts *o);
