/* SPDX-License-Identifier: Apache-2.0 */
/* The queue between the watches of the container core and the callers of GetOOMEvent. */
#define LOG_MODULE "oom"

#include "agent/oom.h"

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/rpc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "proto/agent.pb-c.h"

struct event {
	struct list link;
	struct oom_queue *q;
	char id[];
};

struct waiter {
	struct list link;
	struct rpc_call *call;
};

struct oom_queue {
	struct list events, waiters;
	struct list sent; /* replies under way */
	size_t n;
	bool is_closed;
};

int oom_queue_new(struct oom_queue **ret)
{
	struct oom_queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return -ENOMEM;
	list_init(&q->events);
	list_init(&q->waiters);
	list_init(&q->sent);
	*ret = q;
	return 0;
}

static void event_free(struct event *ev)
{
	list_del(&ev->link);
	free(ev);
}

void oom_queue_free(struct oom_queue *q)
{
	if (q == NULL)
		return;
	oom_queue_close(q);
	while (!list_empty(&q->events))
		event_free(list_entry(q->events.next, struct event, link));
	list_for_each_safe(it, next, &q->sent) {
		struct event *ev = list_entry(it, struct event, link);

		list_del(&ev->link);
		ev->q = NULL; /* its reply's end frees it */
	}
	free(q);
}

static void serve(struct oom_queue *q);

static void on_delivered(void *data, bool delivered)
{
	struct event *ev = data;
	struct oom_queue *q = ev->q;

	if (delivered || q == NULL) {
		event_free(ev);
		return;
	}
	list_del(&ev->link);
	list_add_head(&q->events, &ev->link);
	q->n++;
	serve(q);
}

static void serve(struct oom_queue *q)
{
	while (!list_empty(&q->events) && !list_empty(&q->waiters)) {
		struct event *ev = list_entry(q->events.next, struct event, link);
		struct waiter *w = list_entry(q->waiters.next, struct waiter, link);
		Grpc__OOMEvent msg = GRPC__OOMEVENT__INIT;

		list_del(&w->link);
		list_del(&ev->link);
		list_add_tail(&q->sent, &ev->link);
		q->n--;
		msg.container_id = ev->id;
		rpc_on_cancel(w->call, NULL, NULL);
		rpc_on_delivered(w->call, on_delivered, ev);
		(void)rpc_reply(w->call, &msg.base);
	}
}

static void on_kill(void *data, uint64_t kills)
{
	struct container *c = data;
	struct oom_queue *q = c->a->oom;
	struct event *ev;

	log_warn("container '%s' ran out of memory, %ju kills", c->id, (uintmax_t)kills);
	if (q->n >= OOM_EVENTS_MAX) {
		log_warn("nobody asks for OOM events, the oldest is dropped");
		event_free(list_entry(q->events.next, struct event, link));
		q->n--;
	}
	ev = calloc(1, sizeof(*ev) + strlen(c->id) + 1);
	if (ev == NULL) {
		log_error("no memory for an OOM event");
		return;
	}
	ev->q = q;
	memcpy(ev->id, c->id, strlen(c->id) + 1);
	list_add_tail(&q->events, &ev->link);
	q->n++;
	serve(q);
}

int oom_watch_container(struct container *c, struct err *e)
{
	return ctr_oom_watch_new(c->a->loop, ctr_get_cgroup(c->ctr), on_kill, c, &c->oom, e);
}

void oom_queue_drop(struct oom_queue *q, const char *container_id)
{
	list_for_each_safe(it, next, &q->events) {
		struct event *ev = list_entry(it, struct event, link);

		if (!streq(ev->id, container_id))
			continue;
		event_free(ev);
		q->n--;
	}
	/* One whose reply is under way must not come back. */
	list_for_each_safe(it, next, &q->sent) {
		struct event *ev = list_entry(it, struct event, link);

		if (!streq(ev->id, container_id))
			continue;
		list_del(&ev->link);
		ev->q = NULL;
	}
}

static void waiter_cancel(struct rpc_call *call, void *data)
{
	struct waiter *w = data;
	struct err e = {0};

	list_del(&w->link);
	(void)!err_refuse(&e, ERR_TIMEOUT, "wait for an OOM event cancelled");
	(void)rpc_fail(call, &e);
}

int oom_queue_wait(struct oom_queue *q, struct rpc_call *call, struct err *e)
{
	struct waiter *w;

	if (q->is_closed)
		return err_refuse(e, ERR_INTERNAL, "the sandbox is shutting down");
	w = arena_alloc(rpc_arena(call), sizeof(*w));
	if (w == NULL)
		return err_set(e, -ENOMEM, "wait for an OOM event");
	w->call = call;
	list_add_tail(&q->waiters, &w->link);
	rpc_on_cancel(call, waiter_cancel, w);
	serve(q);
	return RPC_LATER;
}

void oom_queue_close(struct oom_queue *q)
{
	struct err e = {0};

	q->is_closed = true;
	(void)!err_refuse(&e, ERR_INTERNAL, "the sandbox is shutting down");
	while (!list_empty(&q->waiters)) {
		struct waiter *w = list_entry(q->waiters.next, struct waiter, link);

		list_del(&w->link);
		rpc_on_cancel(w->call, NULL, NULL);
		(void)rpc_fail(w->call, &e);
	}
}
