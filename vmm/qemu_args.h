/* SPDX-License-Identifier: Apache-2.0 */
/* The QEMU command line of a machine. Pure: no file is looked at, no process started. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct vmm_machine {
	const char *qemu, *kernel, *initrd; /* paths as QEMU sees them */
	bool kvm, seccomp, cgroup_v1, debug_console;
	uint64_t memory; /* bytes */
	uint32_t cpus;
	uint32_t tsc_khz;   /* of the host; 0: unknown */
	const char *append; /* more kernel parameters, may be NULL */
	/* inherited sockets; qmp_fd listens, the others are connected */
	int vsock_fd, fs_fd, qmp_fd, console_fd;
};

/* Where the guest finds the shared folder: the virtio-fs tag that Kata uses. */
#define VMM_FS_TAG "kataShared"

/* Return: NULL-terminated argv in @a, or NULL when the arena is full. */
char **vmm_qemu_args(const struct vmm_machine *m, struct arena *a) must_check;
