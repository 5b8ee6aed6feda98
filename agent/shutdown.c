/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orderly end: containers, then the sandbox's storages, then the answer, then the process. All
 * of it stays below the 60 s a host waits; what does not end in time is left to init.
 */
#define LOG_MODULE "shutdown"

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/init_link.h"
#include "agent/oom.h"
#include "agent/resource.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "ttrpc/server.h"

#define NS_PER_S        UINT64_C(1000000000)
#define CONTAINERS_WAIT (25 * NS_PER_S)
#define RESOURCES_WAIT  (15 * NS_PER_S)
#define FLUSH_WAIT      (2 * NS_PER_S)

struct shutdown {
	struct agent *a;
	struct rpc_call *call;
	struct loop_timer timer;
	struct loop_idle idle;
	size_t n_failed; /* removals that did not succeed: nobody waits for those */
	bool is_answered;
};

static void on_flushed(void *data)
{
	struct agent *a = data;

	init_link_shutdown(a->init);
	loop_quit(a->loop, 0);
}

static void answer(struct shutdown *s)
{
	struct agent *a = s->a;

	if (s->is_answered)
		return;
	s->is_answered = true;
	loop_timer_del(&s->timer);
	if (s->call != NULL)
		(void)rpc_reply_empty(TAKE_PTR(s->call));
	ttrpc_server_stop_accepting(a->server);
	if (ttrpc_server_on_flushed(a->server, FLUSH_WAIT, on_flushed, a) < 0)
		on_flushed(a);
}

static void on_resources(void *data, const struct err *e)
{
	if (e->code < 0)
		log_warn("storages of the sandbox: %s", e->msg);
	answer(data);
}

static void on_resources_timeout(struct loop_timer *t)
{
	log_warn("storages of the sandbox do not unmount, going on");
	answer(container_of(t, struct shutdown, timer));
}

static void release_resources(struct shutdown *s)
{
	struct err e = {0};

	s->a->sandbox->on_empty = NULL;
	loop_idle_del(&s->idle);
	if (loop_timer_set(s->a->loop, &s->timer, loop_now_ns() + RESOURCES_WAIT,
			   on_resources_timeout) < 0 ||
	    resource_release(s->a, "", on_resources, s, &e) < 0)
		answer(s);
}

static void on_containers_timeout(struct loop_timer *t)
{
	struct shutdown *s = container_of(t, struct shutdown, timer);

	log_warn("%zu containers do not end, going on", s->a->sandbox->containers.n);
	release_resources(s);
}

static void on_idle(struct loop_idle *i)
{
	release_resources(container_of(i, struct shutdown, idle));
}

/* From inside the last container's removal: go on when that has returned. */
static void on_empty(void *data)
{
	struct shutdown *s = data;

	loop_idle_add(s->a->loop, &s->idle, on_idle);
}

static void on_removed(void *data, const struct err *e)
{
	struct shutdown *s = data;
	char text[ERR_TEXT_MAX];

	if (e->code == 0)
		return;
	log_warn("removal of a container: %s", err_text(e, text, sizeof(text)));
	if (++s->n_failed == s->a->sandbox->containers.n && !s->is_answered)
		on_empty(s);
}

static void remove_all(struct shutdown *s, uint64_t deadline_ns)
{
	struct map *all = &s->a->sandbox->containers;
	void *value;
	size_t it = 0;

	while (map_next(all, &it, &value) != NULL) {
		struct container *c = value;
		struct err e = {0};

		/* One that is being made sees the shutdown and undoes itself. */
		if (!c->is_creating && container_remove(c, deadline_ns, on_removed, s, &e) < 0)
			log_debug("%s", e.msg);
	}
}

int agent_shutdown(struct agent *a, struct rpc_call *call)
{
	struct shutdown *s;
	uint64_t deadline = loop_now_ns() + CONTAINERS_WAIT;

	if (a->is_shutting_down || (s = calloc(1, sizeof(*s))) == NULL) {
		if (call != NULL)
			(void)rpc_reply_empty(call);
		return 0;
	}
	log_info("shutting down");
	a->is_shutting_down = true;
	a->shutdown = s;
	s->a = a;
	s->call = call;
	oom_queue_close(a->oom);
	if (a->sandbox->containers.n == 0) {
		release_resources(s);
		return RPC_LATER;
	}
	a->sandbox->on_empty = on_empty;
	a->sandbox->on_empty_data = s;
	if (loop_timer_set(a->loop, &s->timer, deadline, on_containers_timeout) < 0)
		release_resources(s);
	else
		remove_all(s, deadline);
	return RPC_LATER;
}
