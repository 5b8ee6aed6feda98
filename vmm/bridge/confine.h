/* SPDX-License-Identifier: Apache-2.0 */
/* Gives up everything that serving rings and unix sockets does not need. One way, before the first guest byte. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct err;

struct vsb_confine {
	uid_t uid; /* (uid_t)-1: stay */
	gid_t gid;
	const char *root; /* borrowed; chroot here before ids are dropped; NULL: stay */
	bool seccomp;
};

/**
 * vsb_confine() - chroot, ids, capabilities, limits, no_new_privs, system call filter
 *
 * Return: 0 or negative errno; after a failure the process is half confined and must exit.
 */
int vsb_confine(const struct vsb_confine *c, struct err *e) must_check;
