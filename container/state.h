/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI state document, as hooks get it on stdin. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"
#include "container/spec.h"

struct str;

/* @pid 0: left out. Return: 0, or -ENOBUFS / -ENOMEM when @out could not hold it. */
int ctr_state_json(struct str *out, const struct ctr_spec *spec, const char *id, const char *status,
		   pid_t pid, const char *bundle) must_check;
