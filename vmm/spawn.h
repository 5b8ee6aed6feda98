/* SPDX-License-Identifier: Apache-2.0 */
/* Starts one of the VM's programs with exactly the fds it needs, confined first where asked. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"
#include "base/pidref.h"

struct err;
struct vmm_jail;

struct vmm_spawn {
	const char *path;
	char *const *argv;
	const int *fds; /* inherited under their numbers, all above 2 */
	size_t n_fds;
	int in_fd, out_fd;           /* become 0, and 1 and 2; -EBADF: /dev/null */
	const struct vmm_jail *jail; /* NULL: as we are */
};

/**
 * vmm_spawn() - fork, confine, exec; waits until the exec has worked
 *
 * Owns:   *@ret owns the pidfd of the child.
 * Return: 0 or negative errno; the message says which step of the child failed.
 */
int vmm_spawn(const struct vmm_spawn *s, struct pidref *ret, struct err *e) must_check;
