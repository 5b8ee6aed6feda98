/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passwd(5) lines. Pure and async-signal-safe: the file belongs to the container, so the child
 * reads it inside the container's root and only after it has entered it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHILD_USER_FILE_MAX (1U << 20)

struct child_user {
	uint32_t uid, gid;
	const char *home; /* points into the text, n bytes */
	size_t home_n;
};

/**
 * child_user_find() - the first matching line of a passwd file
 * @text: n bytes, not terminated
 * @name: login name, or NULL to look for @uid
 *
 * Lines that are not seven fields with decimal ids below 2^32-1 are skipped.
 * Return: 0, or -ENOENT; *ret is untouched then.
 * Source: passwd(5).
 */
int child_user_find(const char *text, size_t n, const char *name, uint32_t uid,
		    struct child_user *ret);
