/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network calls. The kernel's rtnl lock may be held for long, so each call is a job of a worker;
 * one job runs at a time, in the order of the calls. All of them work before CreateSandbox.
 */
#include <string.h>

#include "agent/agent.h"
#include "agent/net.h"
#include "agent/resource_state.h"
#include "agent/rpc.h"
#include "agent/unpack.h"
#include "agent/worker.h"
#include "base/arena.h"
#include "base/err.h"
#include "proto/agent.pb-c.h"

/* Far beyond what the kernel needs, below the 60 s after which hosts give up. */
#define NET_TIMEOUT_NS (20ULL * 1000 * 1000 * 1000)

struct net_job {
	struct list link;
	struct agent *agent;
	struct rpc_call *call;
	const char *name;
	/* In the worker. What it returns is packed as the reply's message; NULL: none. */
	int (*run)(struct net_job *job, struct nl_sock *s, struct arena *arena,
		   const ProtobufCMessage **ret, struct err *e);
	const ProtobufCMessage *request;
	const ProtobufCMessage *reply; /* when the worker sends none; NULL: empty */
	const ProtobufCMessageDescriptor *reply_is_from; /* what the worker sends; NULL: nothing */
	struct pci_path path;
	bool has_path;
	bool is_running;
	struct device_wait wait;
	char found[DEVICE_NAME_MAX]; /* the interface below path; "" when no device was named */
};

static void net_next(struct agent *a);

/* Takes the job off the queue and answers: the call, and the job with it, are gone afterwards. */
static void net_answer(struct net_job *job, const struct err *e, const ProtobufCMessage *reply)
{
	struct rpc_call *call = job->call;

	device_wait_stop(&job->wait);
	list_del(&job->link);
	rpc_on_cancel(call, NULL, NULL);
	if (e != NULL && e->code < 0)
		(void)rpc_fail(call, e);
	else if (reply != NULL)
		(void)rpc_reply(call, reply);
	else
		(void)rpc_reply_empty(call);
}

static void net_finish(struct net_job *job, const struct err *e, const ProtobufCMessage *reply)
{
	struct agent *a = job->agent;

	net_answer(job, e, reply);
	net_next(a);
}

static int net_work(void *data, struct worker_out *out, struct err *e)
{
	cleanup_arena struct arena arena = ARENA_INIT(8 << 20);
	cleanup_nl_sock struct nl_sock s = NL_SOCK_INIT;
	const ProtobufCMessage *reply = NULL;
	struct net_job *job = data;
	size_t n;
	int r;

	r = nl_open(&s);
	if (r < 0)
		return err_set(e, r, "netlink socket");
	r = job->run(job, &s, &arena, &reply, e);
	if (r < 0 || reply == NULL)
		return r;

	n = protobuf_c_message_get_packed_size(reply);
	if (n > WORKER_PAYLOAD_MAX)
		return err_refuse(e, ERR_LIMIT, "%s: the answer is over %d bytes", job->name,
				  WORKER_PAYLOAD_MAX);
	out->n = protobuf_c_message_pack(reply, (uint8_t *)out->payload);
	return 0;
}

static void net_done(void *data, const struct err *e, const void *payload, size_t n,
		     unused_arg int *fds, unused_arg size_t n_fds)
{
	const struct slice bytes = {payload, n};
	struct net_job *job = data;
	const ProtobufCMessage *reply = job->reply;
	struct err failed = *e;

	if (e->code == 0 && job->reply_is_from != NULL) {
		reply = unpack_message(job->reply_is_from, bytes, rpc_arena(job->call), &failed);
		if (reply == NULL && failed.code == 0)
			(void)!err_set(&failed, -EBADMSG, "%s", job->name);
	}
	net_finish(job, &failed, reply);
}

static int net_work_start(struct net_job *job, struct err *e)
{
	const struct worker_job work = {
		.name = job->name,
		.fn = net_work,
		.fn_data = job,
		.timeout_ns = NET_TIMEOUT_NS,
		.done = net_done,
		.done_data = job,
	};

	return worker_run(job->agent->loop, &work, NULL, e);
}

static void net_device(struct device_wait *w, const struct device *d, const struct err *e)
{
	struct net_job *job = container_of(w, struct net_job, wait);
	struct err failed = {0};

	if (d == NULL) {
		failed = *e;
		(void)!err_wrap(&failed, "interface not available");
		net_finish(job, &failed, NULL);
		return;
	}
	(void)str_copy(job->found, sizeof(job->found), d->name);
	if (net_work_start(job, &failed) < 0)
		net_finish(job, &failed, NULL);
}

/* Starts the first job of the queue, if none runs. */
static void net_next(struct agent *a)
{
	struct list *jobs = &a->resource->net_jobs;

	while (!list_empty(jobs)) {
		struct net_job *job = list_entry(jobs->next, struct net_job, link);
		struct err e = {0};
		int r;

		if (job->is_running)
			return;
		job->is_running = true;
		if (job->has_path)
			r = device_wait_start(&job->wait, &a->resource->devices, DEVICE_NET,
					      &job->path, net_device, &e);
		else
			r = net_work_start(job, &e);
		if (r >= 0)
			return;
		net_answer(job, &e, NULL);
	}
}

/* A job that has not begun is dropped; one that runs is left to reach a consistent end. */
static void net_cancel(unused_arg struct rpc_call *call, void *data)
{
	struct net_job *job = data;
	struct err e = {0};

	if (job->is_running)
		return;
	(void)!err_refuse(&e, ERR_TIMEOUT, "%s: cancelled while waiting for others", job->name);
	net_answer(job, &e, NULL);
}

static int net_queue(struct agent *a, struct rpc_call *call, const struct net_job *template,
		     struct err *e)
{
	struct net_job *job = arena_alloc(rpc_arena(call), sizeof(*job));

	if (job == NULL)
		return err_refuse(e, ERR_LIMIT, "%s: out of memory", template->name);
	*job = *template;
	job->agent = a;
	job->call = call;
	list_init(&job->link);
	list_init(&job->wait.listener.link);

	list_add_tail(&a->resource->net_jobs, &job->link);
	rpc_on_cancel(call, net_cancel, job);
	net_next(a);
	return RPC_LATER;
}

static int run_update_interface(struct net_job *job, struct nl_sock *s,
				unused_arg struct arena *arena,
				unused_arg const ProtobufCMessage **ret, struct err *e)
{
	const Types__Interface *want = (const Types__Interface *)job->request;

	return net_interface_update(s, want, job->has_path ? job->found : NULL, e);
}

static int update_interface(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			    struct err *e)
{
	const Grpc__UpdateInterfaceRequest *req = (const Grpc__UpdateInterfaceRequest *)in;
	struct net_job job = {.name = "update interface", .run = run_update_interface};

	if (req->interface == NULL)
		return err_refuse(e, ERR_INVALID, "empty update interface request");

	job.request = &req->interface->base;
	job.reply = &req->interface->base;
	job.has_path = req->interface->devicepath[0] != '\0';
	if (job.has_path && pci_path_parse(req->interface->devicepath, &job.path, e) < 0)
		return err_wrap(e, "Invalid PCI path for network interface");
	return net_queue(a, call, &job, e);
}

static int list_routes(struct nl_sock *s, struct arena *arena, const char *failure,
		       const ProtobufCMessage **ret, struct err *e)
{
	Grpc__Routes *all = arena_alloc(arena, sizeof(*all));

	if (all == NULL)
		return err_refuse(e, ERR_LIMIT, "%s", failure);
	grpc__routes__init(all);
	if (net_routes_list(s, arena, all, e) < 0)
		return err_wrap(e, "%s", failure);
	*ret = &all->base;
	return 0;
}

static int run_update_routes(struct net_job *job, struct nl_sock *s, struct arena *arena,
			     const ProtobufCMessage **ret, struct err *e)
{
	int r;

	r = net_routes_update(s, (const Grpc__Routes *)job->request, e);
	return r < 0 ? r : list_routes(s, arena, "Failed to list routes after update", ret, e);
}

static int update_routes(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			 struct err *e)
{
	const Grpc__UpdateRoutesRequest *req = (const Grpc__UpdateRoutesRequest *)in;
	struct net_job job = {.name = "update routes",
			      .run = run_update_routes,
			      .reply_is_from = &grpc__routes__descriptor};

	if (req->routes == NULL)
		return err_refuse(e, ERR_INVALID, "empty update routes request");

	job.request = &req->routes->base;
	return net_queue(a, call, &job, e);
}

static int run_list_routes(unused_arg struct net_job *job, struct nl_sock *s, struct arena *arena,
			   const ProtobufCMessage **ret, struct err *e)
{
	return list_routes(s, arena, "list routes", ret, e);
}

static int handle_list_routes(struct agent *a, struct rpc_call *call,
			      unused_arg const ProtobufCMessage *in, struct err *e)
{
	const struct net_job job = {.name = "list routes",
				    .run = run_list_routes,
				    .reply_is_from = &grpc__routes__descriptor};

	return net_queue(a, call, &job, e);
}

static int run_list_interfaces(unused_arg struct net_job *job, struct nl_sock *s,
			       struct arena *arena, const ProtobufCMessage **ret, struct err *e)
{
	Grpc__Interfaces *all = arena_alloc(arena, sizeof(*all));

	if (all == NULL)
		return err_refuse(e, ERR_LIMIT, "Failed to list interfaces");
	grpc__interfaces__init(all);
	if (net_interfaces_list(s, arena, all, e) < 0)
		return err_wrap(e, "Failed to list interfaces");
	*ret = &all->base;
	return 0;
}

static int list_interfaces(struct agent *a, struct rpc_call *call,
			   unused_arg const ProtobufCMessage *in, struct err *e)
{
	const struct net_job job = {.name = "list interfaces",
				    .run = run_list_interfaces,
				    .reply_is_from = &grpc__interfaces__descriptor};

	return net_queue(a, call, &job, e);
}

static int run_add_neighbors(struct net_job *job, struct nl_sock *s, unused_arg struct arena *arena,
			     unused_arg const ProtobufCMessage **ret, struct err *e)
{
	return net_neighbors_add(s, (const Grpc__ARPNeighbors *)job->request, e);
}

static int add_arp_neighbors(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			     struct err *e)
{
	const Grpc__AddARPNeighborsRequest *req = (const Grpc__AddARPNeighborsRequest *)in;
	struct net_job job = {.name = "add neighbours", .run = run_add_neighbors};

	if (req->neighbors == NULL)
		return err_refuse(e, ERR_INVALID, "empty add arp neighbours request");

	job.request = &req->neighbors->base;
	return net_queue(a, call, &job, e);
}

const struct rpc_method rpc_net_methods[] = {
	{"UpdateInterface", update_interface, RPC_UNTIL_DESTROY},
	{"UpdateRoutes", update_routes, RPC_UNTIL_DESTROY},
	{"ListInterfaces", list_interfaces, RPC_UNTIL_DESTROY},
	{"ListRoutes", handle_list_routes, RPC_UNTIL_DESTROY},
	{"AddARPNeighbors", add_arp_neighbors, RPC_UNTIL_DESTROY},
	{0},
};
