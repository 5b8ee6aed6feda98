/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: one process per VM, first of its PID namespace, parent of QEMU, virtiofsd and the
 * vsock bridge. When it dies the kernel kills them all; when any of them dies it ends the VM. It
 * removes the VM's folder, cgroups and mounts. Talks to the launcher over one socket.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pidref.h"
#include "vmm/config.h"
#include "vmm/paths.h"

struct vmm_vm {
	const struct vmm_config *config;
	const struct vmm_paths *paths;
	const char *name;
	bool kvm;
	uint32_t tsc_khz;
};

/* Messages, one a packet. To the launcher: */
#define VMM_MSG_STARTED                                                                            \
	'S' /* all programs run; text: the cgroup note, pid: QEMU's in our namespace */
#define VMM_MSG_FAILED 'F' /* text: why; the keeper is about to exit */
#define VMM_MSG_SIGN   'C' /* the console's first byte */
#define VMM_MSG_EXITED 'X' /* QEMU is gone; code: its exit code; text: why if not orderly */
/* To the keeper: */
#define VMM_MSG_QUIT   'Q' /* end the VM now */
#define VMM_MSG_DETACH 'D' /* live on when the launcher goes; otherwise its end is the VM's */

struct vmm_msg {
	char type;
	int32_t code;
	int32_t uid;
	char text[ERR_TEXT_MAX];
};

/**
 * vmm_keeper_start() - clone the keeper into its namespaces
 * @ret_ctl: our end of the socket
 *
 * Owns:   the caller owns *@ret and *@ret_ctl.
 * Return: 0 or -errno. Whether the VM came up is told by the first message.
 */
int vmm_keeper_start(const struct vmm_vm *vm, struct pidref *ret, int *ret_ctl,
		     struct err *e) must_check;

/* The main function of the keeper; never returns. @ctl: its end of the socket. */
_Noreturn void vmm_keeper_main(const struct vmm_vm *vm, int ctl);
