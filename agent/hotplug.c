/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is plugged into the guest. Kernels built for guests bring new blocks online by
 * themselves; for the others one worker does it, over all blocks, however many events come.
 */
#define LOG_MODULE "hotplug"
#include "agent/agent.h"
#include "agent/guest.h"
#include "agent/resource_state.h"
#include "agent/worker.h"
#include "base/err.h"
#include "base/log.h"

#define ONLINE_TIMEOUT_NS (120ULL * 1000 * 1000 * 1000)

static int work_memory(void *data, unused_arg struct worker_out *out, unused_arg struct err *e)
{
	const struct resource *res = data;

	guest_memory_online(res->devices.sysfs);
	return 0;
}

static void memory_start(struct resource *res);

static void on_memory_done(void *data, const struct err *e, unused_arg const void *payload,
			   unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct resource *res = data;
	char text[ERR_TEXT_MAX];

	if (e->code < 0)
		log_warn("new memory stays offline: %s", err_text(e, text, sizeof(text)));
	res->memory_is_busy = false;
	if (TAKE(res->memory_again, false))
		memory_start(res);
}

static void memory_start(struct resource *res)
{
	const struct worker_job job = {
		.name = "online memory",
		.fn = work_memory,
		.fn_data = res,
		.timeout_ns = ONLINE_TIMEOUT_NS,
		.done = on_memory_done,
		.done_data = res,
	};
	char text[ERR_TEXT_MAX];
	struct err e = {0};

	if (worker_run(res->agent->loop, &job, NULL, &e) < 0)
		log_warn("new memory stays offline: %s", err_text(&e, text, sizeof(text)));
	else
		res->memory_is_busy = true;
}

static void on_memory_event(struct uevent_listener *l, const struct uevent *ev)
{
	struct resource *res = container_of(l, struct resource, memory);

	if (ev != NULL && !uevent_is_arrival(ev, "memory", "/devices/system/memory"))
		return;
	if (res->memory_is_busy)
		res->memory_again = true;
	else
		memory_start(res);
}

void hotplug_memory_watch(struct resource *res)
{
	res->memory.fn = on_memory_event;
	uevent_listen(res->events, &res->memory);
}
