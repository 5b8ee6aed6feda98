/* SPDX-License-Identifier: Apache-2.0 */
/* Where QEMU, its helpers, our programs, the kernel and the initrd are; what to install when not. */
#pragma once

#include <limits.h>

#include "base/cleanup.h"

struct err;
struct vmm_config;

struct vmm_paths {
	char qemu[PATH_MAX], virtiofsd[PATH_MAX], vsockd[PATH_MAX], ctl[PATH_MAX];
	char kernel[PATH_MAX], initrd[PATH_MAX];
};

/**
 * vmm_paths_find() - every file that a VM needs
 *
 * Programs of ours: the folder of this one, then /usr/libexec/pith, then /usr/bin. Kernel and
 * initrd: the options, then $PITH_IMAGE_DIR, then the build tree this program lies in, then
 * /usr/lib/pith, as files "vmlinux" and "pith-initrd.cpio" (with a kernel of the build tree's cache:
 * the initrd that was made for it).
 *
 * Return: 0 or -ENOENT (ERR_NOT_FOUND; the message names the package or command that helps).
 */
int vmm_paths_find(const struct vmm_config *c, struct vmm_paths *ret, struct err *e) must_check;
