/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of hooks, run one after the other through the event loop: the state document on stdin, a
 * deadline for each, the end of its output in the error. Where a hook runs is the owner's business:
 * it makes the plan.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "container/spawn.h"
#include "container/spec.h"

#define HOOK_TAIL_MAX 8192

struct hook_run;
struct hook_ops {
	/* The plan and the clone of one hook; @stdio are its fds 0..2. */
	int (*plan)(void *data, const struct ctr_hook *hook, const int stdio[static 3],
		    struct plan **ret, struct spawn_how *how, struct err *e);
	/* Right after the clone: the plan waits at PLAN_SYNC_GO if it has one. */
	void (*born)(void *data, struct spawn *s);
	/* Once, when all ran or one failed (e->code); the hook_run may be freed from here. */
	void (*done)(void *data, const struct err *e);
};

struct hook_list {
	const struct ctr_hooks *hooks;
	const char *kind;          /* "prestart": for sentences */
	const char *state;         /* document, borrowed until done */
	int64_t default_timeout_s; /* CTR_UNSET: none */
	bool goes_on;              /* a failure is a warning (poststop) */
};

/* Never calls back from inside. Return: 0, or -errno. */
int ctr_hook_run_new(struct loop *loop, const struct hook_list *list, const struct hook_ops *ops,
		     void *data, struct hook_run **ret, struct err *e) must_check;
/* Kills the hook that runs; done gets @why. */
void ctr_hook_run_cancel(struct hook_run *h, const struct err *why);
/* After done. NULL is fine. */
void ctr_hook_run_free(struct hook_run *h);
