/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and storages of an owner, one after the other: wait, mount, and on failure back again in
 * reverse. Every step that may block is a worker's; an entry of the table that another call is busy
 * with is waited for, other entries are not.
 */
#define LOG_MODULE "storage"
#include "agent/resource.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/resource_state.h"
#include "agent/storage.h"
#include "agent/worker.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define MOUNT_TIMEOUT_NS   (120ULL * 1000 * 1000 * 1000) /* a group walk over a big volume */
#define UNMOUNT_TIMEOUT_NS (20ULL * 1000 * 1000 * 1000)

enum phase {
	PHASE_DEVICES,
	PHASE_STORAGES,
	PHASE_UNDO,    /* of a failed request: everything in holds */
	PHASE_RELEASE, /* of an owner: everything in holds, shared ones stay */
};

struct resource_op {
	struct resource *res;
	struct resource_request req;
	resource_done_fn done;
	void *data;
	enum phase phase;
	size_t i;          /* next device or storage */
	struct list holds; /* struct storage_hold, in order */
	struct list kept;  /* RELEASE: what could not be unmounted */
	struct err failed; /* the first failure */
	struct device_update *updates;
	struct device_wait wait;
	struct worker *worker;
	struct loop_idle idle; /* the next step */
	struct loop_timer deadline;
	struct list waiting; /* of the table, for a busy entry */
	struct storage_env env;
	struct storage_job job;
	struct storage_entry *entry; /* what the worker is at */
	char mount_point[PATH_MAX];
	char device[DEVICE_NAME_MAX + 64];
	struct storage_owner *owner;
};

static void op_step(struct resource_op *op);

static void on_idle(struct loop_idle *i)
{
	op_step(container_of(i, struct resource_op, idle));
}

static void op_continue(struct resource_op *op)
{
	loop_idle_add(op->res->agent->loop, &op->idle, on_idle);
}

/* Whoever waited for a busy entry looks again. */
static void table_wake(struct storage_table *t)
{
	list_for_each_safe(it, next, &t->waiting) {
		list_del(it);
		op_continue(list_entry(it, struct resource_op, waiting));
	}
}

static void op_fail(struct resource_op *op, const struct err *e)
{
	if (op->failed.code == 0)
		op->failed = *e;
	if (op->phase != PHASE_RELEASE)
		op->phase = PHASE_UNDO;
	op_continue(op);
}

static void op_free(struct resource_op *op)
{
	device_wait_stop(&op->wait);
	loop_timer_del(&op->deadline);
	loop_idle_del(&op->idle);
	list_del(&op->waiting);
	storage_owner_unref(op->owner);
	free(op->updates);
	free(op);
}

static void op_finish(struct resource_op *op)
{
	struct list *left = op->phase == PHASE_RELEASE ? &op->kept : &op->holds;

	while (!list_empty(left)) {
		struct list *n = left->next;

		list_del(n);
		list_add_tail(&op->owner->holds, n);
	}
	op->done(op->data, &op->failed);
	op_free(op);
}

/* ---- devices ---- */

static void on_device(struct device_wait *w, const struct device *d, const struct err *e)
{
	struct resource_op *op = container_of(w, struct resource_op, wait);
	struct err failed;

	if (d == NULL) {
		failed = *e;
		(void)!err_wrap(&failed, "block device '%.64s'",
				op->phase == PHASE_DEVICES ? op->req.devices[op->i]->id
							   : op->req.storages[op->i]->source);
		op_fail(op, &failed);
		return;
	}

	if (op->phase == PHASE_DEVICES) {
		op->updates[op->i] = (struct device_update){
			.container_path = op->req.devices[op->i]->container_path,
			.type = 'b',
			.major = d->major,
			.minor = d->minor,
		};
		op->i++;
	} else {
		(void)str_copy(op->device, sizeof(op->device), d->node);
	}
	op_continue(op);
}

static int wait_for_disk(struct resource_op *op, const char *text, struct err *e)
{
	struct pci_path path;
	int r;

	r = pci_path_parse(text, &path, e);
	if (r < 0)
		return r;
	return device_wait_start(&op->wait, &op->res->devices, DEVICE_BLOCK, &path, on_device, e);
}

static int device_step(struct resource_op *op, struct err *e)
{
	const Grpc__Device *d;

	if (op->i == op->req.n_devices) {
		if (op->req.n_devices > 0 && op->req.spec == NULL)
			return err_refuse(e, ERR_INTERNAL, "devices without a container");
		if (op->req.n_devices > 0 &&
		    device_update_spec(op->req.spec, op->req.spec_arena, op->updates,
				       op->req.n_devices, e) < 0)
			return e->code;
		op->phase = PHASE_STORAGES;
		op->i = 0;
		op_continue(op);
		return 0;
	}

	d = op->req.devices[op->i];
	if (d->type[0] == '\0')
		return err_refuse(e, ERR_INTERNAL, "device %zu has no type", op->i);
	if (d->container_path[0] == '\0')
		return err_refuse(e, ERR_INTERNAL, "device %zu has no container_path", op->i);
	if (d->id[0] == '\0' && d->vm_path[0] == '\0')
		return err_refuse(e, ERR_INTERNAL, "device '%s' has neither id nor vm_path",
				  d->container_path);
	if (!streq(d->type, "blk"))
		return err_refuse(e, ERR_INTERNAL, "Failed to find the device handler %s", d->type);
	return wait_for_disk(op, d->id, e);
}

/* ---- storages ---- */

static int work_mount(void *data, unused_arg struct worker_out *out, struct err *e)
{
	struct resource_op *op = data;

	return op->entry->driver->mount(&op->job, e);
}

static int work_unmount(void *data, unused_arg struct worker_out *out, struct err *e)
{
	struct resource_op *op = data;

	const struct storage_driver *driver = op->entry->driver;

	if (driver->unmount != NULL)
		return driver->unmount(&op->env, op->entry->mount_point, e);
	return storage_unmount(&op->env, op->entry->mount_point, e);
}

static int start_worker(struct resource_op *op, const char *name, worker_fn fn, uint64_t timeout_ns,
			worker_done_fn done, struct err *e)
{
	const struct worker_job job = {
		.name = name,
		.fn = fn,
		.fn_data = op,
		.timeout_ns = timeout_ns,
		.done = done,
		.done_data = op,
	};

	return worker_run(op->res->agent->loop, &job, &op->worker, e);
}

static void on_mounted(void *data, const struct err *e, unused_arg const void *payload,
		       unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct resource_op *op = data;
	struct storage_hold *h;

	op->worker = NULL;
	/* A worker that was killed may have mounted already, so its entry is undone like the others,
	 * and stays busy until then; one that reported has cleaned up behind itself. */
	if (e->code < 0 && e->kind == ERR_TIMEOUT) {
		op_fail(op, e);
		return;
	}

	op->entry->is_busy = false;
	table_wake(op->res->storages);
	op->device[0] = '\0';
	if (e->code == 0) {
		op->i++;
		op_continue(op);
		return;
	}
	h = list_entry(op->holds.prev, struct storage_hold, link);
	storage_hold_free(h);
	storage_entry_free(op->entry);
	op_fail(op, e);
}

/* A first use of a mount point: the entry is in the table before the worker starts, so that others wait. */
static int mount_first(struct resource_op *op, const Grpc__Storage *s,
		       const struct storage_driver *driver, struct err *e)
{
	struct storage_hold *h;
	int r;

	op->entry = storage_entry_add(op->res->storages, op->mount_point, driver, s->shared);
	h = op->entry == NULL ? NULL : storage_hold_new(op->entry);
	if (h == NULL) {
		if (op->entry != NULL)
			storage_entry_free(op->entry);
		return err_set(e, -ENOMEM, "storage table");
	}

	op->job = (struct storage_job){
		.env = &op->env,
		.request = s,
		.owner = op->owner->name,
		.mount_point = op->mount_point,
		.device = op->device[0] != '\0' ? op->device : NULL,
	};
	op->entry->is_busy = true;
	list_add_tail(&op->holds, &h->link);
	r = start_worker(op, "mount storage", work_mount, MOUNT_TIMEOUT_NS, on_mounted, e);
	if (r < 0) {
		storage_hold_free(h);
		storage_entry_free(op->entry);
	}
	return r;
}

static int mount_again(struct resource_op *op, struct storage_entry *entry, struct err *e)
{
	struct storage_hold *h = storage_hold_new(entry);

	if (h == NULL)
		return err_set(e, -ENOMEM, "storage table");
	list_add_tail(&op->holds, &h->link);
	op->i++;
	op_continue(op);
	return 0;
}

static int storage_step(struct resource_op *op, struct err *e)
{
	struct storage_table *t = op->res->storages;
	const struct storage_driver *driver;
	struct storage_entry *entry;
	const Grpc__Storage *s;
	int r;

	if (op->i == op->req.n_storages) {
		op_finish(op);
		return 0;
	}

	s = op->req.storages[op->i];
	driver = storage_driver_find(s->driver);
	if (driver == NULL)
		return err_refuse(e, ERR_INTERNAL, "Failed to find the storage handler %s",
				  s->driver);
	r = storage_path_clean(&op->env, s->mount_point, op->mount_point, sizeof(op->mount_point),
			       e);
	if (r < 0)
		return err_wrap(e, "storage '%s'", s->driver);
	entry = storage_entry_find(t, op->mount_point);
	if (entry != NULL && entry->is_busy) {
		list_add_tail(&t->waiting, &op->waiting);
		return 0;
	}
	if (entry != NULL)
		return mount_again(op, entry, e);

	if (driver->source == STORAGE_SOURCE_BLOCK && op->device[0] == '\0') {
		if (!str_starts(s->source, "/dev/"))
			return wait_for_disk(op, s->source, e);
		if (str_copy(op->device, sizeof(op->device), s->source) < 0)
			return err_set(e, -ENAMETOOLONG, "block device '%.64s'", s->source);
	}
	return mount_first(op, s, driver, e);
}

/* ---- giving back ---- */

static void on_unmounted(void *data, const struct err *e, unused_arg const void *payload,
			 unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct resource_op *op = data;
	struct storage_entry *entry = op->entry;
	struct storage_hold *h = list_entry(op->holds.prev, struct storage_hold, link);

	op->worker = NULL;
	entry->is_busy = false;
	table_wake(op->res->storages);

	if (e->code < 0 && op->phase == PHASE_RELEASE) {
		/* It stays recorded, so that the next release of the owner tries again. */
		list_del(&h->link);
		list_add_head(&op->kept, &h->link);
		op_fail(op, e);
		return;
	}
	if (e->code < 0) {
		char text[ERR_TEXT_MAX];

		log_warn("undo of a failed storage: %s", err_text(e, text, sizeof(text)));
	}
	storage_hold_free(h);
	storage_entry_free(entry);
	op_continue(op);
}

static bool stays(const struct resource_op *op, const struct storage_entry *entry)
{
	if (entry->refs > 1)
		return true;
	/* With the sandbox's own release everything goes. */
	return op->phase == PHASE_RELEASE && op->owner->name[0] != '\0' && !entry->is_fresh &&
	       (entry->is_shared || entry->driver->goes_with_sandbox);
}

/* The last hold of the list, one at a time. */
static int give_back_step(struct resource_op *op, struct err *e)
{
	struct storage_hold *h;

	if (list_empty(&op->holds)) {
		op_finish(op);
		return 0;
	}
	h = list_entry(op->holds.prev, struct storage_hold, link);
	if (stays(op, h->entry)) {
		storage_hold_free(h);
		op_continue(op);
		return 0;
	}

	op->entry = h->entry;
	op->entry->is_busy = true;
	if (start_worker(op, "unmount storage", work_unmount, UNMOUNT_TIMEOUT_NS, on_unmounted,
			 e) == 0)
		return 0;
	on_unmounted(op, e, NULL, 0, NULL, 0);
	e->code = 0;
	return 0;
}

static void op_step(struct resource_op *op)
{
	struct err e = {0};
	int r = 0;

	switch (op->phase) {
	case PHASE_DEVICES:
		r = device_step(op, &e);
		break;
	case PHASE_STORAGES:
		r = storage_step(op, &e);
		break;
	case PHASE_UNDO:
	case PHASE_RELEASE:
		r = give_back_step(op, &e);
		break;
	}
	/* Nothing touches the object after a step that succeeded: it may be gone. */
	if (r < 0)
		op_fail(op, &e);
}

static struct resource_op *op_new(struct agent *a, const char *owner, enum phase phase,
				  resource_done_fn done, void *data)
{
	struct resource_op *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return NULL;
	op->owner = storage_owner_ref(a->resource->storages, owner);
	if (op->owner == NULL) {
		free(op);
		return NULL;
	}
	op->res = a->resource;
	op->env = (struct storage_env){.run = a->paths.run, .sysfs = a->resource->devices.sysfs};
	op->phase = phase;
	op->done = done;
	op->data = data;
	list_init(&op->holds);
	list_init(&op->kept);
	list_init(&op->waiting);
	list_init(&op->idle.link);
	list_init(&op->wait.listener.link);
	return op;
}

static void on_deadline(struct loop_timer *t)
{
	resource_cancel(container_of(t, struct resource_op, deadline));
}

int resource_prepare(struct agent *a, const struct resource_request *req, resource_done_fn done,
		     void *data, struct resource_op **ret, struct err *e)
{
	struct resource_op *op = op_new(a, req->owner, PHASE_DEVICES, done, data);
	int r;

	if (op == NULL)
		return err_set(e, -ENOMEM, "prepare resources");
	op->req = *req;
	op->updates = calloc(req->n_devices + 1, sizeof(*op->updates));
	r = op->updates == NULL ? -ENOMEM : 0;
	if (r == 0 && req->deadline_ns != 0)
		r = loop_timer_set(a->loop, &op->deadline, req->deadline_ns, on_deadline);
	if (r < 0) {
		op_free(op);
		return err_set(e, r, "prepare resources");
	}

	op_continue(op);
	*ret = op;
	return 0;
}

void resource_cancel(struct resource_op *op)
{
	struct err e = {0};

	if (op->phase == PHASE_UNDO || op->phase == PHASE_RELEASE || op->failed.code != 0)
		return;

	(void)!err_refuse(&e, ERR_TIMEOUT, "preparing devices and storages was cancelled");
	if (op->worker != NULL) {
		op->failed = e;
		worker_cancel(op->worker); /* goes on in on_mounted */
		return;
	}
	device_wait_stop(&op->wait);
	list_del(&op->waiting);
	op_fail(op, &e);
}

void resource_commit(struct agent *a, const char *owner)
{
	list_for_each(it, &a->resource->storages->owners) {
		struct storage_owner *o = list_entry(it, struct storage_owner, link);

		if (!streq(o->name, owner))
			continue;
		list_for_each(h, &o->holds)
			list_entry(h, struct storage_hold, link)->entry->is_fresh = false;
	}
}

/* Every mount that nobody holds: shared ones outlive their containers, not the sandbox. */
static int hold_leftovers(struct resource_op *op)
{
	list_for_each(it, &op->res->storages->entries) {
		struct storage_entry *entry = list_entry(it, struct storage_entry, link);
		struct storage_hold *h;

		if (entry->refs > 0 || entry->is_busy)
			continue;
		h = storage_hold_new(entry);
		if (h == NULL)
			return -ENOMEM;
		list_add_tail(&op->holds, &h->link);
	}
	return 0;
}

int resource_release(struct agent *a, const char *owner, resource_done_fn done, void *data,
		     struct err *e)
{
	struct resource_op *op = op_new(a, owner, PHASE_RELEASE, done, data);

	if (op == NULL)
		return err_set(e, -ENOMEM, "release resources");
	while (!list_empty(&op->owner->holds)) {
		struct list *n = op->owner->holds.next;

		list_del(n);
		list_add_tail(&op->holds, n);
	}
	/* The sandbox's own come last to go, so the leftovers, which lie on them, are behind. */
	if (owner[0] == '\0' && hold_leftovers(op) < 0)
		log_warn("out of memory: some storages stay mounted");
	op_continue(op);
	return 0;
}

/* ---- life ---- */

int resource_new(struct agent *a, struct resource **ret, struct err *e)
{
	struct resource *res = calloc(1, sizeof(*res));
	int r;

	if (res == NULL)
		return err_set(e, -ENOMEM, "resources");
	res->agent = a;
	list_init(&res->net_jobs);
	list_init(&res->cpu_jobs);
	list_init(&res->copies);
	list_init(&res->memory.link);
	res->storages = storage_table_new();
	r = res->storages == NULL ? err_set(e, -ENOMEM, "resources")
				  : uevent_open(a->loop, &res->events, e);
	if (r < 0) {
		resource_free(res);
		return r;
	}

	res->devices = (struct device_env){
		.loop = a->loop,
		.events = res->events,
		.sysfs = "/sys",
		.dev = "/dev",
		.timeout_ns = a->config.hotplug_timeout_ns,
	};
	hotplug_memory_watch(res);
	*ret = res;
	return 0;
}

void resource_free(struct resource *res)
{
	if (res == NULL)
		return;
	copies_free(res);
	uevent_close(res->events);
	storage_table_free(res->storages);
	free(res);
}
