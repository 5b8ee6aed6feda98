/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about the guest itself. Whatever waits for sysfs is a worker's job; they run one at a time. */
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/guest.h"
#include "agent/resource_state.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "agent/worker.h"
#include "base/arena.h"
#include "base/err.h"
#include "proto/agent.pb-c.h"

/* How often Kata's agent looks for plugged processors, 50 ms apart. */
#define CPU_TRIES 100

/* Each processor takes its time to boot, under emulation a second. */
#define HOTPLUG_TIMEOUT_NS (60ULL * 1000 * 1000 * 1000)

struct cpu_job {
	struct list link;
	struct agent *agent;
	struct rpc_call *call;
	const char *name;
	int (*run)(void *data, struct worker_out *out, struct err *e);
	const ProtobufCMessage *request;
	bool is_running;
	bool gives_cpus; /* containers with a cpuset hear of it */
};

static void cpu_next(struct agent *a);

/* Takes the job off the queue and answers: the call, and the job with it, are gone afterwards. */
static void cpu_answer(struct cpu_job *job, const struct err *e)
{
	struct rpc_call *call = job->call;

	list_del(&job->link);
	rpc_on_cancel(call, NULL, NULL);
	if (e->code < 0)
		(void)rpc_fail(call, e);
	else
		(void)rpc_reply_empty(call);
}

/* A group that was made before the new processors came does not have them. */
static int give_cpus(struct agent *a, struct err *e)
{
	struct map *all = &a->sandbox->containers;
	char online[GUEST_CPUS_TEXT];
	void *value;
	size_t it = 0;
	int r = guest_cpus_text(a->resource->devices.sysfs, online, e);

	while (r == 0 && map_next(all, &it, &value) != NULL) {
		struct container *c = value;

		if (!c->is_creating && !c->is_removing && c->ctr != NULL)
			r = ctr_cpus_changed(c->ctr, online, e);
	}
	return r;
}

static void cpu_done(void *data, const struct err *e, unused_arg const void *payload,
		     unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct cpu_job *job = data;
	struct agent *a = job->agent;
	struct err local = *e;

	if (local.code == 0 && job->gives_cpus)
		(void)!give_cpus(a, &local);
	cpu_answer(job, &local);
	cpu_next(a);
}

/* Starts the first job of the queue, if none runs. */
static void cpu_next(struct agent *a)
{
	struct list *jobs = &a->resource->cpu_jobs;

	while (!list_empty(jobs)) {
		struct cpu_job *job = list_entry(jobs->next, struct cpu_job, link);
		struct worker_job work;
		struct err e = {0};

		if (job->is_running)
			return;
		job->is_running = true;
		work = (struct worker_job){
			.name = job->name,
			.fn = job->run,
			.fn_data = job,
			.timeout_ns = HOTPLUG_TIMEOUT_NS,
			.done = cpu_done,
			.done_data = job,
		};
		if (worker_run(a->loop, &work, NULL, &e) == 0)
			return;
		cpu_answer(job, &e);
	}
}

/* What runs is left to its end: half a hotplug is worse than a late one. */
static void cpu_cancel(unused_arg struct rpc_call *call, void *data)
{
	struct cpu_job *job = data;
	struct err e = {0};

	if (job->is_running)
		return;
	(void)!err_refuse(&e, ERR_TIMEOUT, "%s: cancelled while waiting for others", job->name);
	cpu_answer(job, &e);
}

static int cpu_queue(struct agent *a, struct rpc_call *call, const char *name, worker_fn run,
		     const ProtobufCMessage *in, bool gives_cpus, struct err *e)
{
	struct cpu_job *job = arena_alloc(rpc_arena(call), sizeof(*job));

	if (job == NULL)
		return err_refuse(e, ERR_LIMIT, "%s: out of memory", name);
	*job = (struct cpu_job){
		.agent = a,
		.call = call,
		.name = name,
		.run = run,
		.request = in,
		.gives_cpus = gives_cpus,
	};
	list_init(&job->link);
	list_add_tail(&a->resource->cpu_jobs, &job->link);
	rpc_on_cancel(call, cpu_cancel, job);
	cpu_next(a);
	return RPC_LATER;
}

static int run_online(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct cpu_job *job = data;
	const Grpc__OnlineCPUMemRequest *req = (const Grpc__OnlineCPUMemRequest *)job->request;
	const char *sysfs = job->agent->resource->devices.sysfs;

	if (req->nb_cpus > 0 && guest_cpus_online(sysfs, req->nb_cpus, CPU_TRIES, e) < 0)
		return e->code;
	if (!req->cpu_only)
		guest_memory_online(sysfs);
	return 0;
}

static int online_cpu_mem(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			  struct err *e)
{
	const Grpc__OnlineCPUMemRequest *req = (const Grpc__OnlineCPUMemRequest *)in;

	return cpu_queue(a, call, "online processors and memory", run_online, in, req->nb_cpus > 0,
			 e);
}

static int run_probe(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct cpu_job *job = data;
	const Grpc__MemHotplugByProbeRequest *req =
		(const Grpc__MemHotplugByProbeRequest *)job->request;

	return guest_memory_probe(job->agent->resource->devices.sysfs, req->memhotplugprobeaddr,
				  req->n_memhotplugprobeaddr, e);
}

static int mem_hotplug_by_probe(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
				struct err *e)
{
	return cpu_queue(a, call, "probe memory", run_probe, in, false, e);
}

static int set_guest_date_time(unused_arg struct agent *a, struct rpc_call *call,
			       const ProtobufCMessage *in, struct err *e)
{
	const Grpc__SetGuestDateTimeRequest *req = (const Grpc__SetGuestDateTimeRequest *)in;
	int r;

	r = guest_clock_set(req->sec, req->usec, e);
	return r < 0 ? r : rpc_reply_empty(call);
}

static int reseed_random_dev(unused_arg struct agent *a, struct rpc_call *call,
			     const ProtobufCMessage *in, struct err *e)
{
	const Grpc__ReseedRandomDevRequest *req = (const Grpc__ReseedRandomDevRequest *)in;
	int r;

	r = guest_random_reseed(req->data.data, req->data.len, e);
	return r < 0 ? r : rpc_reply_empty(call);
}

const struct rpc_method rpc_guest_methods[] = {
	{"OnlineCPUMem", online_cpu_mem, RPC_UNTIL_DESTROY},
	{"MemHotplugByProbe", mem_hotplug_by_probe, RPC_UNTIL_DESTROY},
	{"SetGuestDateTime", set_guest_date_time, RPC_UNTIL_DESTROY},
	{"ReseedRandomDev", reseed_random_dev, RPC_UNTIL_DESTROY},
	{0},
};
