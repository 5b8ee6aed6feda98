/* SPDX-License-Identifier: Apache-2.0 */
/* Runs pith-ctl as a child: stdio, signals and exit code passed through. */
#pragma once

#include "base/cleanup.h"

struct err;

enum vmm_ctl_io {
	VMM_CTL_SILENT, /* no input, output dropped; errors shown */
	VMM_CTL_OUTPUT, /* no input */
	VMM_CTL_ALL,
};

/* @argv: argv[0] is the program's path. Return: exit code 0..255, or -errno. */
int vmm_ctl_execute(char *const *argv, enum vmm_ctl_io io, struct err *e) must_check;
