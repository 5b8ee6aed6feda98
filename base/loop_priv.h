/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct loop, shared by the loop_*.c files only. */
#pragma once

#include <signal.h>
#include <stddef.h>

#include "base/loop.h"

struct loop {
	int epfd;
	bool has_quit;
	int quit_code;

	/* An epoll event carries an id whose low bits are a place here: a stale one finds nothing. */
	struct loop_io **slots;
	struct epoll_event *events; /* as many as slots: one epoll_wait sees everything ready */
	size_t n_slots;
	uint64_t generation;
	struct list ready; /* loop_io of this round, not yet called */

	struct list children; /* watched, not known to have exited */
	struct list exits;    /* loop_child of this round, not yet called */
	struct list timers;   /* by at_ns, earliest first */
	struct list idles;

	struct loop_io signal_io;
	loop_signal_fn signal_fn;
	void *signal_data;
	sigset_t signal_old;
};

void loop_child_run(struct loop *l);
void loop_child_drop_all(struct loop *l);
/* Nanoseconds until the earliest timer; UINT64_MAX when there is none. */
uint64_t loop_timer_wait_ns(const struct loop *l);
void loop_timer_run(struct loop *l);
void loop_timer_drop_all(struct loop *l);
void loop_signal_drop(struct loop *l);
/* Says so when the callback that began at @start_ns took too long. Return: now. */
uint64_t loop_check_slow(uint64_t start_ns, const char *what);
