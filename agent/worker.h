/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that can block (mount, umount, modprobe, statfs on a dead share, a big chown) runs in a
 * forked child that reports over a socket pair. The agent never waits for one: past its deadline a
 * worker is killed, the job fails with ERR_TIMEOUT at once, and a child stuck in the kernel is
 * reaped whenever it lets go.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fd.h"

struct err;
struct loop;
struct str;
struct worker;

#define WORKER_PAYLOAD_MAX 65536

/* What a job hands back besides its error. */
struct worker_out {
	char *payload; /* room for WORKER_PAYLOAD_MAX bytes */
	size_t n;
	int fds[FD_PASS_MAX]; /* sent to the parent; the child's copies die with it */
	size_t n_fds;
};

/* In the child: every fd but 0, 1, 2 and those of keep_fds is closed; signals are at their
 * defaults. May block, allocate and call any library that needs no other thread. Return: 0, or
 * negative errno with @e filled. */
typedef int (*worker_fn)(void *data, struct worker_out *out, struct err *e);

/* In the parent, once, never from inside worker_run. e->code is 0 on success. @payload is
 * borrowed until it returns; fds not taken (set to -EBADF) by then are closed. */
typedef void (*worker_done_fn)(void *data, const struct err *e, const void *payload, size_t n,
			       int *fds, size_t n_fds);

struct worker_job {
	const char *name; /* for messages: "mount /run/x"; copied */
	worker_fn fn;
	void *fn_data;
	const int *keep_fds; /* fds of the agent that fn uses; negative ones are skipped */
	size_t n_keep_fds;
	uint64_t timeout_ns; /* from now; 0: none */
	worker_done_fn done;
	void *done_data;
};

/**
 * worker_run() - fork and start a job
 * @ret: may be NULL; valid until done has been called or worker_abandon
 *
 * Return: 0, or negative errno (ERR_LIMIT: too many workers are running).
 */
int worker_run(struct loop *loop, const struct worker_job *job, struct worker **ret,
	       struct err *e) must_check;

/* Kills the child; done is called with ERR_TIMEOUT, later. */
void worker_cancel(struct worker *w);
/* Kills the child; done is never called. */
void worker_abandon(struct worker *w);
/* The agent ends: every child is killed and every job fails with ERR_UNAVAILABLE. */
void workers_stop(void);

/**
 * worker_exec() - inside a worker: run a program to its end
 * @argv:  argv[0] is an absolute path; the environment is PATH alone
 * @input: written to its standard input; NULL: /dev/null
 * @out:   gets standard output; may be NULL
 * @err_out: gets standard error; may be NULL
 *
 * Dies with the worker. Return: exit code as a shell counts (128 + signal), or negative errno.
 */
int worker_exec(const char *const argv[], const void *input, size_t n, struct str *out,
		struct str *err_out, struct err *e) must_check;

/* In any forked child: every signal at its default, none blocked. */
void worker_reset_signals(void);
