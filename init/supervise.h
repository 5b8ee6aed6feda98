/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the agent, watches it, keeps its fds, reaps every orphan of the guest, and says why the
 * guest ends. Runs until the agent is gone or a signal asks for the end.
 */
#pragma once

#include "base/pidref.h"
#include "init/cmdline.h"
#include "init/fdstore.h"

struct err;
struct loop;
struct timeline;

enum guest_end {
	GUEST_END_ORDERLY,    /* the agent asked for it (DestroySandbox) */
	GUEST_END_SIGNAL,     /* SIGTERM, SIGINT, SIGPWR to PID 1 */
	GUEST_END_AGENT_DIED, /* exit or signal without having asked */
};

/**
 * supervise_run() - start the agent and watch it to its end
 * @timeline_fd: given to the agent
 * @why: filled with a sentence for the console
 *
 * When a signal asks for the end the agent is told by SIGTERM and given @p->shutdown_grace_ms.
 * Return: enum guest_end, or -errno with @e when the agent could not be started at all.
 */
int supervise_run(const struct boot_params *p, struct timeline *tl, int timeline_fd, char *why,
		  size_t size, struct err *e) must_check;

/* The sentence for an agent that ended with this status (waitid: si_code, si_status); pure. */
void supervise_describe_exit(int how, int status, char *buf, size_t size);
