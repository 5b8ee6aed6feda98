/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the agent's log lines go: standard output, or one reader at a time on a port. Never blocks:
 * without a reader the newest lines wait in a bounded buffer, the oldest are dropped and counted.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct log_port;
struct loop;

#define LOG_PORT_BUFFER (64u << 10)

/**
 * log_port_new() - become the sink of the log
 * @addr: "vsock://-1:1025" and the like; NULL: standard output
 */
int log_port_new(struct loop *loop, const char *addr, struct log_port **ret,
		 struct err *e) must_check;
/* Writes what the reader takes at once; the log goes back to standard error. */
void log_port_free(struct log_port *p);
uint64_t log_port_dropped(const struct log_port *p);
