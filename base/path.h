/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths from outside are resolved only here, relative to a directory fd, by openat2(2). "in" treats
 * the root fd as "/" (absolute links stay inside), "beneath" refuses any escape. Magic links are
 * never followed. String concatenation of root + path is not an alternative.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct err;

/* openat2 with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS; EAGAIN is retried up to 128 times. O_CLOEXEC is added. Return: fd or -errno. */
int path_open_in(int root_fd, const char *path, int flags, mode_t mode) must_check;

/* openat2 with RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS (and NO_SYMLINKS when @no_symlinks). Return: fd or -errno. */
int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
		      bool no_symlinks) must_check;
/*
 * As path_open_beneath without links, from what the kernel holds in memory alone: it never waits for a
 * device or a share. Return: fd, -EAGAIN when it would have to, or -errno.
 */
int path_open_cached(int dirfd, const char *path, int flags) must_check;

/**
 * path_mkdir_in() - mkdir -p inside a root, each missing part made on a verified parent fd
 * @ret_fd: O_PATH|O_DIRECTORY fd of the last directory; may be NULL
 * Existing parts may be links (resolved in root); ".." in a missing part is -EINVAL.
 * Owns: the caller owns *@ret_fd. Return: 0 or -errno.
 */
int path_mkdir_in(int root_fd, const char *path, mode_t mode, int *ret_fd) must_check;

/* mkdir -p of an absolute path of our own (never from a peer). Existing directories are fine. Return: 0 or -errno. */
int path_mkdir_all(const char *path, mode_t mode) must_check;

/**
 * path_remove_tree() - rm -r of dirfd/name: no link is followed, no mount is crossed
 * Iterative; a missing name is success. Goes on past failures. Return: 0 or the first -errno (-EXDEV: a mount was met and left alone).
 */
int path_remove_tree(int dirfd, const char *name) must_check;

/* Lexical: cleans "//", "." and ".." of an absolute or relative path without touching the disk; ".." never climbs above the start.
 * @buf holds at least strlen(path) + 2 bytes. The result of an absolute path starts with "/". Return: 0 or -ENAMETOOLONG. */
int path_clean(const char *path, char *buf, size_t size) must_check;

/* Whether cleaned @path is @dir or lies below it (whole components). */
bool path_is_below(const char *path, const char *dir);

/* The part after the last "/"; points into @path. */
const char *path_base(const char *path);
