/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot steps, one function each, run in the order of the table in main.c. A step returns 0 or a
 * negative errno with the reason in @e; the table says whether that ends the boot or is only told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "init/cmdline.h"

struct err;

/* /proc /sys /dev /dev/shm /dev/pts /run, and /tmp when the root is read-only. */
int step_mounts(const struct boot_params *p, struct err *e) must_check;
/* fds 0-2 on /dev/console, or /dev/null; before anything is opened. */
int step_stdio(const struct boot_params *p, struct err *e) must_check;
/* Own session, controlling terminal, ptmx and fd links, PATH. */
int step_console(const struct boot_params *p, struct err *e) must_check;
/* Every module of /etc/pith/modules.list, in its order. */
int step_modules(const struct boot_params *p, struct err *e) must_check;
int step_cgroups(const struct boot_params *p, struct err *e) must_check;
int step_hostname(const struct boot_params *p, struct err *e) must_check;
int step_loopback(const struct boot_params *p, struct err *e) must_check;
int step_entropy(const struct boot_params *p, struct err *e) must_check;
/* core_pattern, uevent_helper and the like: nothing of the kernel may run a program a container names. */
int step_harden(const struct boot_params *p, struct err *e) must_check;
/* One log line on what this kernel offers. */
int step_probe(const struct boot_params *p, struct err *e) must_check;

/* Loads one list file; a missing list is an empty one. @ret_loaded counts modules loaded now. */
int modules_load_list(const char *list, size_t *ret_loaded, struct err *e) must_check;
#define MODULES_BOOT "/etc/pith/modules.list"
#define MODULES_LATE "/etc/pith/modules.late"
