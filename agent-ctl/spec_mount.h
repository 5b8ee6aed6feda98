/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of `run`: containerd's default ones, then shares and those of --mount. */
#pragma once

#include "agent-ctl/spec.h"

/* Fills in @ret->mounts. Return: 0, or -errno naming the option at fault. */
int actl_spec_mounts(const struct actl_run *o, struct arena *a, Grpc__Spec *ret,
		     struct err *e) must_check;
