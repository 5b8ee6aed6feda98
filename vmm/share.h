/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder that virtiofsd serves: "rootfs" and, for each --share, its number. Made of bind mounts
 * on a tmpfs inside the keeper's mount namespace, so it vanishes with the VM.
 */
#pragma once

#include "base/cleanup.h"

struct err;
struct vmm_config;

/* @dir: an existing empty folder. Return: 0 or -errno. */
int vmm_share_build(const struct vmm_config *c, const char *dir, struct err *e) must_check;
