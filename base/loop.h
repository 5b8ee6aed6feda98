/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one event loop of a process: level-triggered epoll, embedded sources, timers,
 * children by pidfd. Each round runs io first, then child exits, then timers, then idle work, so
 * that the last bytes of a pipe come before the exit they precede. A source may be removed or freed
 * from any callback, its own included. Callbacks never block; one that takes over 50 ms is logged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "base/list.h"
#include "base/pidref.h"

struct loop;

int loop_new(struct loop **ret) must_check;
void loop_free(struct loop *l); /* NULL is fine */
/* Runs until loop_quit. Return: the code given to loop_quit, or -errno when epoll itself failed. */
int loop_run(struct loop *l) must_check;
/* One round, waiting at most @timeout_ms (-1: for ever). Return: 0 or -errno. For tests and blocking commands. */
int loop_once(struct loop *l, int timeout_ms) must_check;
void loop_quit(struct loop *l, int code);
bool loop_has_quit(const struct loop *l);
uint64_t loop_now_ns(void); /* CLOCK_MONOTONIC */

/* ---- fds ---- */
struct loop_io;
/* @events: EPOLLIN, EPOLLOUT, EPOLLHUP... as seen. */
typedef void (*loop_io_fn)(struct loop_io *io, uint32_t events);
struct loop_io {
	struct loop *loop; /* NULL while not added */
	int fd;            /* borrowed: the owner closes it after loop_io_del */
	uint32_t events;
	uint64_t id; /* generation; never reused */
	loop_io_fn fn;
	struct list link;
	uint32_t ready;
};
#define LOOP_IO_INIT ((struct loop_io){.fd = -EBADF})
int loop_io_add(struct loop *l, struct loop_io *io, int fd, uint32_t events,
		loop_io_fn fn) must_check;
int loop_io_set(struct loop_io *io,
		uint32_t events) must_check; /* 0: keep registered, want nothing but errors */
void loop_io_del(struct loop_io *io);        /* harmless when not added */

/* ---- timers, one-shot ---- */
struct loop_timer;
typedef void (*loop_timer_fn)(struct loop_timer *t);
struct loop_timer {
	struct loop *loop; /* NULL while not armed */
	uint64_t at_ns;
	loop_timer_fn fn;
	struct list link;
};
int loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ns,
		   loop_timer_fn fn) must_check; /* absolute, CLOCK_MONOTONIC; re-arming is fine */
void loop_timer_del(struct loop_timer *t);

/* ---- children: the only place that waits for them ---- */
struct loop_child;
/* @info: as waitid(2) filled it: si_code CLD_EXITED / CLD_KILLED / CLD_DUMPED and si_status. The child is reaped and its pidfd still open. si_code 0: somebody else reaped it, the status is lost. */
typedef void (*loop_child_fn)(struct loop_child *c, const siginfo_t *info);
struct loop_child {
	struct loop *loop; /* NULL while not watched */
	struct pidref ref; /* borrowed copy */
	struct loop_io io;
	loop_child_fn fn;
	struct list link;
	siginfo_t info;
};
int loop_child_add(struct loop *l, struct loop_child *c, const struct pidref *ref,
		   loop_child_fn fn) must_check;
void loop_child_del(struct loop_child *c);            /* stops watching; the child stays unreaped */
bool loop_has_child(const struct loop *l, pid_t pid); /* watched, or about to be reported */

/* ---- idle: once, at the end of a round ---- */
struct loop_idle;
typedef void (*loop_idle_fn)(struct loop_idle *i);
struct loop_idle {
	struct loop *loop;
	loop_idle_fn fn;
	struct list link;
};
void loop_idle_add(struct loop *l, struct loop_idle *i, loop_idle_fn fn);
void loop_idle_del(struct loop_idle *i);

/* ---- signals: blocked and read from one signalfd ---- */
typedef void (*loop_signal_fn)(void *data, int sig, pid_t sender);
/* Blocks the signals in @mask for the process; one call per loop. */
int loop_signal_add(struct loop *l, const sigset_t *mask, loop_signal_fn fn, void *data) must_check;
/* In a forked child: the mask the process had before the first loop_signal_add. Async-signal-safe. */
void loop_signal_restore(void);
