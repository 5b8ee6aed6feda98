/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to a VM whose agent answers: folder, accelerator, keeper, watchdog. The launcher's
 * side of the keeper's socket.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pidref.h"
#include "vmm/config.h"
#include "vmm/keeper.h"
#include "vmm/paths.h"
#include "vmm/state.h"

struct vmm_launch {
	const struct vmm_config *config;
	struct vmm_paths paths;
	struct vmm_state state;
	struct pidref keeper;
	int ctl;
	char vsock[VMM_PATH_MAX];
	uint64_t started_ns,
		ready_ns; /* loop_now_ns() at the start of QEMU, and of the first answer */
	bool sign_of_life;
};

void vmm_launch_init(struct vmm_launch *l, const struct vmm_config *c);

/* Ends the VM unless it was detached, and waits until nothing of it is left. */
void vmm_launch_done(struct vmm_launch *l);

/**
 * vmm_launch() - start the VM and wait for its agent
 *
 * A KVM that shows no life is given up and the start is repeated once with TCG, unless KVM was asked
 * for by name.
 *
 * Return: 0, or -errno with nothing left behind; the end of the console is on standard error when
 *         the guest did not come up.
 */
int vmm_launch(struct vmm_launch *l, struct err *e) must_check;

/* The VM stays when this process ends. */
void vmm_launch_detach(struct vmm_launch *l);

/* Waits for the VM to power off, then forces it. @grace_ns: for the guest's own power-off. */
void vmm_launch_end(struct vmm_launch *l, uint64_t grace_ns);
