/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle directory of a container, <run>/<id> with its root bound to <run>/<id>/rootfs. A root that
 * may lie on a file system that does not answer is bound by a worker, and every removal is one's work.
 * done is never called before these return.
 */
#pragma once

#include "base/cleanup.h"

struct agent;
struct err;

/* e->code is 0 on success. */
typedef void (*bundle_done_fn)(void *data, const struct err *e);

/**
 * bundle_create() - make the directory and bind @root_path
 *
 * Refuses a directory that exists (it is not a container's), and a root that is not an absolute
 * path of a directory without symbolic links. A failure leaves nothing behind.
 */
int bundle_create(struct agent *a, const char *bundle, const char *root_path, bundle_done_fn done,
		  void *data, struct err *e) must_check;
/* Unmounts and removes; what is gone already is fine. */
int bundle_remove(struct agent *a, const char *bundle, bundle_done_fn done, void *data,
		  struct err *e) must_check;
/* rm -r of an absolute path of ours: follows no link, crosses no mount. Blocks: for workers. */
int bundle_remove_tree(const char *path) must_check;
