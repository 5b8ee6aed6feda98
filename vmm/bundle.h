/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an OCI bundle concerns the host: where its root is, whether it may be written to, and
 * whether its process has a terminal. The rest of config.json is read by pith-ctl.
 */
#pragma once

#include "base/cleanup.h"

struct err;
struct vmm_config;

/**
 * vmm_bundle_read() - config.json of @c->bundle into @c
 *
 * Sets rootfs and root_read_only; with process.terminal also tty and interactive.
 *
 * Return: 0 or -errno; @e names the file.
 * Source: OCI runtime-spec config.md, "Root"
 */
int vmm_bundle_read(struct vmm_config *c, struct err *e) must_check;
