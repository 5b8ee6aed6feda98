/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounting for storages, inside a worker: everything here may hang on a dead share. Paths are walked
 * part by part below an area of the agent's own and no link is followed, because containers can
 * write below shared paths.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct err;

struct storage_env {
	const char *run;   /* "/run/kata-containers" */
	const char *sysfs; /* "/sys" */
};

/**
 * storage_path_clean() - check a path of the host and bring it to one spelling
 * @buf: strlen(path) + 2 bytes are enough
 *
 * Allowed: absolute, below the run directory or below the same behind /run/user/<uid>, without "."
 * and "..".
 *
 * Return: 0, or -EINVAL.
 */
int storage_path_clean(const struct storage_env *env, const char *path, char *buf, size_t size,
		       struct err *e) must_check;

/* mkdir -p of a clean path. Owns: the caller owns *ret_fd (O_PATH). Return: 0 or negative errno. */
int storage_dir_make(const struct storage_env *env, const char *path, mode_t mode, int *ret_fd,
		     struct err *e) must_check;

/* An existing path below an allowed area. Return: O_PATH fd or negative errno. */
int storage_path_open(const struct storage_env *env, const char *path, struct err *e) must_check;

struct storage_mount {
	const char *source; /* device, tag, or the path of a bind */
	const char *fstype; /* "bind": see source */
	char *const *options;
	size_t n_options;
	const char *skip_options; /* prefix of words that are not for the mount; NULL: none */
	unsigned long flags;      /* MS_* besides those of the options */
	const char *target;       /* clean path */
};

/**
 * storage_mount() - make the target and mount on it
 *
 * Succeeds without mounting when the target already carries this type, unless "remount" is among
 * the options. A failure leaves nothing mounted.
 */
int storage_mount(const struct storage_env *env, const struct storage_mount *m,
		  struct err *e) must_check;

/* Detaches what is mounted on a clean path and removes the directory if that is possible. Nothing mounted is success. */
int storage_unmount(const struct storage_env *env, const char *path, struct err *e) must_check;

/* Whether something is mounted right on @fd's directory. Return: 1, 0 or negative errno. */
int storage_is_mount(int fd) must_check;

/**
 * storage_fsgroup() - give a volume to a group, as Kubernetes' fsGroup
 * @only_on_mismatch: leave it alone when its root is already as wanted
 *
 * Links keep owner and mode and are never followed; other mounts below are left alone.
 */
int storage_fsgroup(int root_fd, gid_t gid, bool is_readonly, bool only_on_mismatch,
		    struct err *e) must_check;
