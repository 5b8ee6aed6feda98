/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's cage: a root that holds the system's read-only /usr, the kernel and the initrd and nothing
 * else; an id of its own, no capability, no new privileges. Namespaces are the keeper's.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct err;

#define VMM_JAIL_KERNEL "/kernel"
#define VMM_JAIL_INITRD "/initrd"

struct vmm_jail {
	const char *dir; /* an empty folder; the new root is mounted there */
	const char *kernel, *initrd;
	bool kvm;
	uid_t uid;
	gid_t gid;
};

/* In the child, before exec. Return: 0 or -errno; after a failure the child must exit. */
int vmm_jail_enter(const struct vmm_jail *j, struct err *e) must_check;
