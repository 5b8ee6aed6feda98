/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CopyFile: files of the host below one directory and nowhere else. Workloads can write below it, so
 * every path is resolved by the kernel with that directory as its root: links on the way, absolute
 * ones included, stay inside, and the last part is never followed. A file is built under a name of
 * its own beside its place and appears there whole. Runs in a worker.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct err;

#define COPY_TEMP_MAX sizeof(".pith-copy-0123456789abcdef")

struct copy {
	const char *path; /* below the root: clean, relative */
	const char *temp; /* the name to build under, single part */
	uint32_t file_mode, dir_mode;
	uid_t uid;
	gid_t gid;
	int64_t file_size, offset;
	const void *data;
	size_t n;
};

/**
 * copy_check() - whether a request makes sense in itself
 *
 * Refused: sizes and offsets below zero, data beyond the size, other types than file, directory
 * and link, and links to nothing. A link may lead anywhere: who reads it decides what that means.
 *
 * Return: 0, or -EINVAL with ERR_INVALID.
 */
int copy_check(const struct copy *c, struct err *e) must_check;

/**
 * copy_apply() - one request
 * @root: absolute path of the directory; made when it is missing
 *
 * A chunk that reaches file_size puts the file in its place. On failure the temporary file is gone.
 *
 * Return: 0, or negative errno.
 */
int copy_apply(const char *root, const struct copy *c, struct err *e) must_check;

/* Removes the temporary file of a copy that will not be continued. */
void copy_drop(const char *root, const struct copy *c);
