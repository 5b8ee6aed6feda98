/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell in the guest for whoever debugs it, only when the configuration asks: on a port, a
 * terminal and a shell for each connection, raw bytes both ways; or once on /dev/console.
 */
#pragma once

#include "base/cleanup.h"

struct debug_console;
struct err;
struct loop;

#define DEBUG_CONSOLE_SESSIONS_MAX 16

/* @addr: "vsock://-1:1026" and the like; NULL: /dev/console. */
int debug_console_new(struct loop *loop, const char *addr, struct debug_console **ret,
		      struct err *e) must_check;
/* Kills the shells. NULL is fine. */
void debug_console_free(struct debug_console *c);
