/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateContainer, step by step: resources, bundle, core. Nothing is found under the id before the
 * last step; any failure, and a caller that gives up, undoes all of it before the call ends.
 */
#define LOG_MODULE "container"

#include "agent/create.h"

#include "agent/agent.h"
#include "agent/bundle.h"
#include "agent/container.h"
#include "agent/journal.h"
#include "agent/process.h"
#include "agent/resource.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "agent/spec_proto.h"
#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "container/caps.h"
#include "container/seccomp.h"
#include "proto/agent.pb-c.h"

#define SPEC_ARENA_MAX (16u << 20)

struct create {
	struct container *c;
	struct rpc_call *call;
	const Grpc__CreateContainerRequest *req;
	struct resource_op *waiting; /* while devices and storages are awaited */
	struct ctr_spec *spec;       /* the core's once that took the arena */
	struct arena arena;
	bool terminal;
	struct process *init;
	int child_fds[3];
	struct err error; /* the failure that is being undone */
};

static void close_child_fds(struct create *k)
{
	for (int i = 0; i < 3; i++)
		k->child_fds[i] = fd_close(k->child_fds[i]);
}

static void create_free(struct create *k)
{
	close_child_fds(k);
	arena_done(&k->arena);
	free(k);
}

static void on_undone(void *data, const struct err *e)
{
	struct create *k = data;
	char text[ERR_TEXT_MAX];

	if (e->code < 0) {
		log_error("undo of a container: %s", err_text(e, text, sizeof(text)));
		/* What is left can be removed by its id, and only then created again. */
		k->c->is_creating = false;
	}
	(void)rpc_fail(k->call, &k->error);
	create_free(k);
}

static void undo(struct create *k, const struct err *e)
{
	struct err scratch = {0};

	k->error = *e;
	rpc_on_cancel(k->call, NULL, NULL);
	if (container_remove(k->c, 0, on_undone, k, &scratch) < 0)
		on_undone(k, &scratch);
}

/* The caller is gone, or the sandbox is: what was made so far must go. */
static bool is_unwanted(struct create *k, struct err *e)
{
	if (rpc_is_cancelled(k->call))
		(void)!err_refuse(e, ERR_TIMEOUT, "create container: the caller gave up");
	else if (k->c->a->is_shutting_down)
		(void)!err_refuse(e, ERR_UNAVAILABLE, "the sandbox is shutting down");
	else
		return false;
	return true;
}

static void on_cancel(unused_arg struct rpc_call *call, void *data)
{
	struct create *k = data;

	/* The step under way ends with an error, and that undoes the rest. */
	if (k->waiting != NULL)
		resource_cancel(k->waiting);
	else if (k->c->ctr != NULL)
		ctr_cancel(k->c->ctr);
}

/* ---- last: the core has made it ---- */

static int adopt(struct create *k, struct err *e)
{
	struct container *c = k->c;
	struct sandbox *s = c->a->sandbox;
	int r, fd;

	if (k->terminal) {
		r = process_open_tty_consume(k->init, ctr_process_take_master(ctr_init(c->ctr)), e);
		if (r < 0)
			return r;
	}
	fd = ctr_ns_fd(c->ctr, CTR_NS_PID);
	if (s->pid_fd < 0 && s->containers.n == 1 && fd >= 0) {
		s->pid_fd = fd_dup_above(fd, 3);
		if (s->pid_fd < 0)
			return err_set(e, s->pid_fd, "keep the sandbox's pid namespace");
		c->owns_pidns = true;
	}
	return 0;
}

static void on_created(void *data, const struct err *e)
{
	struct create *k = data;
	struct container *c = k->c;
	struct err local = {0};

	close_child_fds(k);
	if (e->code < 0) {
		undo(k, e);
		return;
	}
	/* Before anything else can fail: the undo waits for its exit like any removal. */
	process_publish(k->init, ctr_init(c->ctr));
	c->init = k->init;
	if (is_unwanted(k, &local) || adopt(k, &local) < 0) {
		undo(k, &local);
		return;
	}
	c->is_creating = false;
	resource_commit(c->a, c->id);
	journal_container(c);
	log_info("container '%s' is created", c->id);
	rpc_on_cancel(k->call, NULL, NULL);
	(void)rpc_reply_empty(k->call);
	create_free(k);
}

static int begin_core(struct create *k, struct err *e)
{
	struct container *c = k->c;
	int r;

	k->terminal = k->spec->process->terminal;
	r = process_new(c, c->id, true, &k->init, e);
	if (r == 0 && !k->terminal)
		r = process_open_pipes(k->init, k->child_fds, e);
	if (r == 0)
		r = ctr_new(&c->a->host, c->id, c->bundle, k->spec, &k->arena, &c->ctr, e);
	if (r < 0)
		return r;
	return ctr_create(c->ctr, k->child_fds, on_created, k, e);
}

static void on_bundle(void *data, const struct err *e)
{
	struct create *k = data;
	struct err local = {0};

	if (e->code < 0) {
		undo(k, e);
		return;
	}
	k->c->has_bundle = true;
	if (is_unwanted(k, &local) || begin_core(k, &local) < 0)
		undo(k, &local);
}

static int begin_bundle(struct create *k, struct err *e)
{
	struct container *c = k->c;
	const char *root = k->spec->root_path;
	int r;

	if (root == NULL)
		return err_refuse(e, ERR_INVALID, "OCI.root.path is empty");
	r = bundle_create(c->a, c->bundle, root, on_bundle, k, e);
	if (r < 0)
		return r;
	k->spec->root_path = arena_printf(&k->arena, "%s/rootfs", c->bundle);
	return 0;
}

static void on_resources(void *data, const struct err *e)
{
	struct create *k = data;
	struct err local = {0};

	k->waiting = NULL;
	if (e->code < 0) {
		undo(k, e); /* its own part has been undone */
		return;
	}
	k->c->has_resources = true;
	if (is_unwanted(k, &local) || begin_bundle(k, &local) < 0)
		undo(k, &local);
}

static int begin_resources(struct create *k, struct err *e)
{
	struct resource_request req = {
		.owner = k->c->id,
		.devices = k->req->devices,
		.n_devices = k->req->n_devices,
		.storages = k->req->storages,
		.n_storages = k->req->n_storages,
		.spec = k->spec,
		.spec_arena = &k->arena,
		.deadline_ns = rpc_deadline_ns(k->call),
	};

	if (req.n_devices == 0 && req.n_storages == 0)
		return begin_bundle(k, e);
	return resource_prepare(k->c->a, &req, on_resources, k, &k->waiting, e);
}

/* ---- first: the spec ---- */

/* Kata's agent lets every container have the guest's console beside the usual devices. */
static int allow_console(struct ctr_spec *spec, struct arena *arena)
{
	struct ctr_resources *res = spec->resources;
	struct ctr_device_rule *rules;

	if (res == NULL) {
		res = arena_alloc(arena, sizeof(*res));
		if (res == NULL)
			return -ENOMEM;
		ctr_resources_init(res);
		spec->resources = res;
	}
	rules = arena_array(arena, res->n_devices + 1, sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	if (res->n_devices > 0)
		memcpy(rules, res->devices, res->n_devices * sizeof(*rules));
	rules[res->n_devices++] = (struct ctr_device_rule){
		.allow = true, .type = 'c', .major = 5, .minor = 1, .access = "rwm"};
	res->devices = rules;
	return 0;
}

/*
 * A kernel that runs no 32-bit programs (it has this file only if it does) needs no part of the built-in
 * profile for them, and that is two thirds of what every process loads. The machine's own ABI is first.
 */
static void drop_foreign_abis(struct ctr_seccomp *profile)
{
#ifdef __x86_64__
	if (access("/proc/sys/abi/vsyscall32", F_OK) < 0 && errno == ENOENT)
		profile->architectures.n = 1;
#else
	(void)profile;
#endif
}

/* Whatever a host left out that this guest adds by itself. */
static int complete_spec(struct create *k, struct err *e)
{
	const struct agent *a = k->c->a;
	uint64_t caps;
	int r;

	r = sandbox_join_namespaces(a->sandbox, k->spec, k->req->sandbox_pidns != 0, e);
	if (r == 0)
		r = sandbox_add_hooks(a->sandbox, k->spec, &k->arena, e);
	if (r == 0 && allow_console(k->spec, &k->arena) < 0)
		r = err_refuse(e, ERR_LIMIT, "the spec is too large");
	if (r < 0 || k->spec->seccomp != NULL || !a->config.seccomp_default)
		return r;
	caps = ctr_cap_set_parse(&k->spec->process->caps[CTR_CAP_BOUNDING], NULL, 0);
	k->spec->seccomp = ctr_seccomp_default(caps, &k->arena);
	if (k->spec->seccomp == NULL)
		return err_refuse(e, ERR_LIMIT, "the spec is too large");
	drop_foreign_abis(k->spec->seccomp);
	return 0;
}

int create_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		     struct err *e)
{
	const Grpc__CreateContainerRequest *req = (const Grpc__CreateContainerRequest *)in;
	struct create *k;
	int r;

	if (!container_id_is_valid(req->container_id))
		return err_refuse(e, ERR_INVALID, "invalid container ID %s", req->container_id);
	if (req->oci == NULL)
		return err_refuse(e, ERR_INVALID, "OCI spec is missing");
	if (a->sandbox->is_changing)
		return err_refuse(e, ERR_PRECONDITION, "the sandbox is being created");
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return err_set(e, -ENOMEM, "create container '%s'", req->container_id);
	k->call = call;
	k->req = req;
	k->arena = ARENA_INIT(SPEC_ARENA_MAX);
	k->child_fds[0] = k->child_fds[1] = k->child_fds[2] = -EBADF;
	r = container_new(a, req->container_id, &k->c, e);
	if (r == 0) {
		r = spec_from_proto(req->oci, &k->arena, &k->spec, e);
		if (r == 0)
			r = complete_spec(k, e);
		if (r == 0)
			r = begin_resources(k, e);
		if (r < 0)
			container_free(k->c); /* nothing but the record exists */
	}
	if (r < 0) {
		create_free(k);
		return r;
	}
	rpc_on_cancel(call, on_cancel, k);
	return RPC_LATER;
}
