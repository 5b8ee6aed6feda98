/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of pith-ctl, which does the container's half of a run. Pure. */
#pragma once

#include "base/arena.h"
#include "vmm/config.h"
#include "vmm/qemu_args.h"

/* Where pith-ctl has the guest mount the shared folder: below it, by its tag. */
#define VMM_GUEST_SHARE "/run/kata-containers/shared/containers/" VMM_FS_TAG

/* Sandbox, container, streams, exit code, power-off. @dry_run: nothing of that, only the request is
 * made and printed, which needs no VM. Return: argv in @a, or NULL when it is full. */
char **vmm_ctl_run(const char *ctl, const char *vsock, const struct vmm_config *c, bool dry_run,
		   struct arena *a) must_check;

/* DestroySandbox: the guest powers off. */
char **vmm_ctl_destroy(const char *ctl, const char *vsock, struct arena *a) must_check;
