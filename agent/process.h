/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process of a container, init or exec: its streams, who waits for it, and how long its record
 * lives. The record goes when a reply carrying the exit code has been written to a connection, or
 * with its container; never before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/stream.h"
#include "base/cleanup.h"
#include "base/list.h"

struct agent;
struct container;
struct ctr_process;
struct err;
struct rpc_call;

struct process {
	struct list link;      /* in its container's list */
	struct container *c;   /* NULL once the record is gone */
	struct ctr_process *p; /* init's belongs to the container core, an exec's to us */
	char *exec_id;         /* init: the container's id */
	bool is_init;
	bool is_published; /* found by RPCs */
	bool is_abandoned; /* its exec was given up: the record goes with the exit */
	unsigned refs;     /* the list, and replies under way */
	struct in_stream in;
	struct out_stream out, err;
	int tty; /* the terminal's master for resizing; -EBADF: none */
	bool has_tty;
	struct list waiters;
	int journal_fd; /* its record, journal.h; -EBADF: none */
};

/* A record in its container's list, not yet published. */
int process_new(struct container *c, const char *exec_id, bool is_init, struct process **ret,
		struct err *e) must_check;

/* Pipes for a process without a terminal. Owns: @child_fds are the caller's, to close once the
 * process has been made. */
int process_open_pipes(struct process *p, int child_fds[static 3], struct err *e) must_check;
/* The terminal's master. Owns: @master always. */
int process_open_tty_consume(struct process *p, int master, struct err *e) must_check;
/* From now on it is found, and its exit is seen. */
void process_publish(struct process *p, struct ctr_process *core);

bool process_has_exited(const struct process *p);
/* Replies with the exit code, or parks until there is one. */
int process_wait(struct process *p, struct rpc_call *call, struct err *e);
int process_resize(struct process *p, uint32_t rows, uint32_t columns, struct err *e) must_check;

/* The record goes: parked reads end, waiters get the code. */
void process_forget(struct process *p);
