/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about mounts of the whole sandbox. A dead share hangs a worker, never the agent. */
#include <fcntl.h>
#include <libmount/libmount.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/resource_state.h"
#include "agent/rpc.h"
#include "agent/storage.h"
#include "agent/worker.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define MOUNTS_TIMEOUT_NS (30ULL * 1000 * 1000 * 1000)

struct storage_call {
	struct agent *agent;
	struct rpc_call *call;
	const ProtobufCMessage *request;
};

static void call_done(void *data, const struct err *e, unused_arg const void *payload,
		      unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	const struct storage_call *c = data;

	if (e->code < 0)
		(void)rpc_fail(c->call, e);
	else
		(void)rpc_reply_empty(c->call);
}

static int call_in_worker(struct agent *a, struct rpc_call *call, const char *name, worker_fn fn,
			  const ProtobufCMessage *in, struct err *e)
{
	struct storage_call *c = arena_alloc(rpc_arena(call), sizeof(*c));
	struct worker_job job = {
		.name = name,
		.fn = fn,
		.fn_data = c,
		.timeout_ns = MOUNTS_TIMEOUT_NS,
		.done = call_done,
		.done_data = c,
	};
	int r;

	if (c == NULL)
		return err_refuse(e, ERR_LIMIT, "%s: out of memory", name);
	*c = (struct storage_call){.agent = a, .call = call, .request = in};
	r = worker_run(a->loop, &job, NULL, e);
	return r < 0 ? r : RPC_LATER;
}

static int work_ephemeral(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct storage_call *c = data;
	const Grpc__UpdateEphemeralMountsRequest *req =
		(const Grpc__UpdateEphemeralMountsRequest *)c->request;
	const struct storage_env env = {.run = c->agent->paths.run,
					.sysfs = c->agent->resource->devices.sysfs};

	for (size_t i = 0; i < req->n_storages; i++) {
		int r;

		if (!streq(req->storages[i]->driver, "ephemeral"))
			return err_refuse(
				e, ERR_INTERNAL,
				"Failed to update mounts: storage '%.64s': Unsupported storage type",
				req->storages[i]->driver);
		r = storage_ephemeral_update(&env, req->storages[i], e);
		if (r < 0)
			return err_wrap(e, "Failed to update mounts");
	}
	return 0;
}

static int update_ephemeral_mounts(struct agent *a, struct rpc_call *call,
				   const ProtobufCMessage *in, struct err *e)
{
	const Grpc__UpdateEphemeralMountsRequest *req =
		(const Grpc__UpdateEphemeralMountsRequest *)in;

	/* The usual case by far. */
	if (req->n_storages == 0)
		return rpc_reply_empty(call);
	return call_in_worker(a, call, "update ephemeral mounts", work_ephemeral, in, e);
}

/* Looking at a mount point makes the share's daemon drop handles of files that are gone. */
static int work_stale(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct storage_call *c = data;
	struct libmnt_table *table;
	struct libmnt_iter *it;
	struct libmnt_fs *fs;

	table = mnt_new_table_from_file("/proc/self/mountinfo");
	it = mnt_new_iter(MNT_ITER_FORWARD);
	if (table == NULL || it == NULL) {
		mnt_free_iter(it);
		mnt_unref_table(table);
		return err_set(e, -EIO, "read the mount table");
	}
	while (mnt_table_next_fs(table, it, &fs) == 0) {
		const char *target = mnt_fs_get_target(fs);
		struct stat st;

		if (target != NULL && path_is_below(target, c->agent->paths.shared))
			(void)!stat(target, &st);
	}
	mnt_free_iter(it);
	mnt_unref_table(table);
	return 0;
}

static int remove_stale_mounts(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			       struct err *e)
{
	return call_in_worker(a, call, "look at the share's mounts", work_stale, in, e);
}

const struct rpc_method rpc_storage_methods[] = {
	{"UpdateEphemeralMounts", update_ephemeral_mounts, RPC_UNTIL_DESTROY},
	{"RemoveStaleVirtiofsShareMounts", remove_stale_mounts, RPC_UNTIL_DESTROY},
	{0},
};
