/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child walking a plan, as the parent sees it: the clone, the channel, and the end. Never waits:
 * each sync point and the exit arrive as callbacks, which are the last thing the caller of them
 * does, so that they may free the object.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/loop.h"
#include "container/plan.h"

#define SPAWN_ENTER_MAX 8

/* A namespace that the child is born in: the parent steps in for the clone and back out. */
struct spawn_enter {
	int fd;     /* borrowed */
	int own_fd; /* the parent's own, borrowed */
	int ns;     /* CLONE_NEW* */
};

struct spawn_how {
	uint64_t clone_flags; /* CLONE_NEW* */
	int cgroup_fd;        /* CLONE_INTO_CGROUP; -EBADF: none */
	struct spawn_enter enter[SPAWN_ENTER_MAX];
	size_t n_enter;
	bool is_agent; /* form of some sentences */
};

struct spawn;
struct spawn_ops {
	/* The child waits; ctr_spawn_go lets it go on. */
	void (*sync)(struct spawn *s, enum plan_sync which);
	/* execve has happened. Not called if the exit is seen at the same time. */
	void (*running)(struct spawn *s);
	/* Reaped. s->is_running tells whether execve ever happened; if not, s->err says why. */
	void (*exited)(struct spawn *s, const siginfo_t *info);
};

struct spawn {
	struct loop *loop;
	struct plan *plan; /* owned */
	const struct spawn_ops *ops;
	struct pidref ref;
	struct loop_child child;
	struct loop_io io;
	int sock;
	int master; /* pty, once the child has sent it; owned */
	volatile uint32_t *at;
	bool is_agent;
	bool is_marked, is_running, has_exited;
	bool in_cgroup; /* born there */
	struct err err;
};

#define SPAWN_INIT                                                                                 \
	((struct spawn){.ref = PIDREF_INIT, .io = LOOP_IO_INIT, .sock = -EBADF, .master = -EBADF})

/**
 * ctr_spawn_start() - clone a child that walks @plan
 * Takes @plan in every case. Return: 0, or -errno with nothing left behind.
 */
int ctr_spawn_start(struct spawn *s, struct loop *loop, struct plan *plan,
		    const struct spawn_how *how, const struct spawn_ops *ops,
		    struct err *e) must_check;
/* One more sync point may be passed; may be said before the child gets there. Return: 0 or -errno. */
int ctr_spawn_go(struct spawn *s) must_check;
/* SIGKILL, with the reason that spawn reports unless the child told its own first. NULL: none. */
void ctr_spawn_kill(struct spawn *s, const struct err *why);
/* The child must have exited or never have started. */
void ctr_spawn_done(struct spawn *s);
