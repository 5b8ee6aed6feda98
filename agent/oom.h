/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kills for lack of memory, one event for each, handed to the callers of GetOOMEvent in order. An
 * event whose reply could not be written goes back to the front of the queue.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct agent;
struct container;
struct err;
struct oom_queue;
struct rpc_call;

#define OOM_EVENTS_MAX 100 /* as Kata's queue; beyond it the oldest are dropped and counted */

/* Return: 0 or -ENOMEM. */
/* An empty queue. Return: 0 or -ENOMEM. */
int oom_queue_new(struct oom_queue **ret) must_check;
void oom_queue_free(struct oom_queue *q);

/* Watches a container's group until its watch is freed. */
int oom_watch_container(struct container *c, struct err *e) must_check;
/* The container is removed: its events go. */
void oom_queue_drop(struct oom_queue *q, const char *container_id);
/* Parks the call, or answers it with the oldest event. */
int oom_queue_wait(struct oom_queue *q, struct rpc_call *call, struct err *e);
/* The sandbox ends: every parked call fails. */
void oom_queue_close(struct oom_queue *q);
