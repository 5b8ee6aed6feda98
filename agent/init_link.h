/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the socket to pith-init: ready, shutdown, and the store of fds that outlive
 * the agent. Without init every function does nothing.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct err;
struct init_link;
struct loop;

/* Owns: @fd always. */
int init_link_new_consume(struct loop *loop, int fd, struct init_link **ret,
			  struct err *e) must_check;
void init_link_free(struct init_link *l);

void init_link_ready(struct init_link *l);
/* The guest is to end in order; the agent exits next. */
void init_link_shutdown(struct init_link *l);
/* Borrows the fds. What cannot be stored is only logged: the container works without. */
void init_link_put(struct init_link *l, const char *key, const int *fds, size_t n);
void init_link_del(struct init_link *l, const char *key);
