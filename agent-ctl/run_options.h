/* SPDX-License-Identifier: Apache-2.0 */
/* The options of run and exec. Reads words; asks nobody. */
#pragma once

#include <stdbool.h>

#include "agent-ctl/spec.h"

struct actl_run_options {
	struct actl_run run;
	struct actl_words shares;
	const char *container; /* exec: in which one */
	bool interactive, detach, destroy, dry_run;
	char **words; /* memory behind the lists of run and shares */
};

/* @is_exec: exec's options, then the container. Return: ACTL_OK, or ACTL_USAGE after saying why. */
int actl_run_options_parse(int argc, char **argv, bool is_exec,
			   struct actl_run_options *ret) must_check;
void actl_run_options_done(struct actl_run_options *o);
#define cleanup_run_options __attribute__((cleanup(actl_run_options_done)))
