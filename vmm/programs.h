/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU, virtiofsd and pith-vsockd of one VM: their sockets, arguments and confinement. Keeper only. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/pidref.h"

struct err;
struct vmm_vm;

struct vmm_programs {
	struct pidref qemu, virtiofsd, vsockd;
	uid_t uid;
};

void vmm_programs_init(struct vmm_programs *p);

/**
 * vmm_programs_start() - start the three, in the VM's folder (the working directory)
 * @ret_console: our end of the guest's serial line
 *
 * Owns:   @ret_console and the pidfds are the caller's; after a failure those started are still there.
 * Return: 0 or -errno.
 */
int vmm_programs_start(const struct vmm_vm *vm, struct vmm_programs *p, int *ret_console,
		       struct err *e) must_check;

/* The last line that any of them printed. Return: its length, 0 for none, or -errno. */
ssize_t vmm_programs_last_words(char *buf, size_t size) must_check;
