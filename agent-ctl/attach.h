/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our standard streams on a process in the guest, until it ends: output and input flow at the same
 * time over calls in flight together, signals and window sizes follow.
 */
#pragma once

#include <stdbool.h>

#include "agent-ctl/ctl.h"

struct actl_attach_options {
	const char *container_id;
	const char *exec_id; /* "" : the container's first process */
	bool wants_stdin, terminal;
};

/**
 * actl_attach() - carry the streams of a started process
 *
 * WaitProcess is asked when the output has ended, as Kata hosts do: its answer ends the process's
 * record and with it what was not read.
 *
 * Return: the process's exit code (128 + signal for a death by signal), or ACTL_NO_PROCESS after
 *         saying why.
 */
int actl_attach(struct actl *a, const struct actl_attach_options *o) must_check;

/* Tells the guest how large the user's terminal is, if there is one. Waits for the answer. */
void actl_attach_resize(struct actl *a, const struct actl_attach_options *o);
