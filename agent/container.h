/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as the agent keeps it: the core's object, its processes, and one queue in which the
 * operations that change it run one after the other. Signals, waits, streams and statistics do not
 * queue. A slow container delays nobody but itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/list.h"
#include "base/loop.h"
#include "container/ctr.h"

struct agent;
struct container;
struct container_op;
struct ctr_oom_watch;
struct process;
struct rpc_call;

#define CONTAINERS_MAX 1024
#define PROCESSES_MAX  4096 /* over all containers */

/* How far a removal has come; a second one goes on from there. */
enum teardown_step {
	TEARDOWN_CORE,     /* processes, cgroup, poststop hooks */
	TEARDOWN_REAP,     /* every process reaped, every waiter answered */
	TEARDOWN_BUNDLE,   /* the bind of its root, its directory */
	TEARDOWN_RESOURCE, /* storages and devices */
	TEARDOWN_DONE,
};

typedef void (*container_done_fn)(void *data, const struct err *e);

struct container {
	struct agent *a;
	char *id;
	char *bundle;    /* <run>/<id> */
	int journal_fd;  /* its record, journal.h; -EBADF: none */
	struct ctr *ctr; /* NULL before the core made it, or when it failed to */
	struct list processes;
	struct process *init; /* NULL: its record is gone */
	struct ctr_oom_watch *oom;
	bool is_creating; /* not found by anybody yet */
	bool owns_pidns;  /* the sandbox's shared one is that of its init */

	struct list ops;
	bool is_op_running; /* the first of ops */
	bool is_removing;   /* nothing of ops is begun any more */

	enum teardown_step step;
	bool has_bundle;
	bool has_resources;
	uint64_t deadline_ns;
	struct loop_timer reap_timer;
	struct list removers; /* whoever waits for the end of the removal */
};

/* Registers the id. Return: 0, or negative errno (ERR_INVALID, ERR_EXISTS, ERR_LIMIT). */
int container_new(struct agent *a, const char *id, struct container **ret,
		  struct err *e) must_check;
/* Once nothing of it is left. */
void container_free(struct container *c);

/* The container with this id, or NULL with @e: the text hosts know, under the @kind of the method. */
struct container *container_find(struct agent *a, const char *id, enum err_kind kind,
				 struct err *e) must_check;
/* As well one of which a failed removal, or a failed undo of its creation, has left something. */
struct container *container_find_any(struct agent *a, const char *id, enum err_kind kind,
				     struct err *e) must_check;
/* An empty @exec_id, or the container's own id, names init. */
struct process *container_find_process(struct container *c, const char *exec_id, enum err_kind kind,
				       struct err *e) must_check;
/* The two in one, with the codes of most methods: INVALID for the container, NOT_FOUND for the process. */
struct process *process_find(struct agent *a, const char *id, const char *exec_id,
			     struct err *e) must_check;

/* 1 to 128 of A-Z a-z 0-9 _ . - and the first one alphanumeric. */
bool container_id_is_valid(const char *id);

/**
 * container_op_fn - one operation of the queue, entered when it is its turn
 *
 * Return: 0 or negative errno: it is over; RPC_LATER: container_op_end comes later.
 */
typedef int (*container_op_fn)(struct container *c, struct container_op *op, struct err *e);

struct container_op {
	struct list link;
	struct rpc_call *call; /* answered with Empty or the error at the end */
	const void *in;
	container_op_fn fn;
	bool is_undone_on_cancel; /* not begun at all when its caller is gone */
};

/* Queues an operation. Return: RPC_LATER, or negative errno. */
int container_queue(struct container *c, struct rpc_call *call, const void *in, container_op_fn fn,
		    bool undo_on_cancel, struct err *e) must_check;
/* The operation that runs is over; @e: NULL or code 0 for success. The next one starts. */
void container_op_end(struct container *c, const struct err *e);

/* Runs what can run; nothing when an operation is under way. */
void container_run_ops(struct container *c);
/* The container is gone: everything queued is told so. */
void container_fail_ops(struct container *c);

/**
 * container_remove() - everything of it goes, step by step
 * @deadline_ns: CLOCK_MONOTONIC; 0: none
 *
 * An operation under way is cancelled and waited for. @done runs once, perhaps at once when nothing
 * of the container exists yet; the container has been freed by then unless it failed, and after a
 * failure a second call goes on where this one stopped. A call during a removal waits for its end.
 *
 * Return: 0, or negative errno: out of memory.
 */
int container_remove(struct container *c, uint64_t deadline_ns, container_done_fn done, void *data,
		     struct err *e) must_check;
/* The operation that held up the removal is over (container.c calls it). */
void container_teardown(struct container *c);
/* A process of it has been reaped. */
void container_process_exited(struct container *c);
