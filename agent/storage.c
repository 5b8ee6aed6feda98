/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers by name, and the table of mount points and owners. Mounts nothing itself. */
#include "agent/storage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

static const struct storage_driver *const drivers[] = {
	&storage_driver_block, &storage_driver_virtiofs, &storage_driver_ephemeral,
	&storage_driver_local, &storage_driver_overlay,  &storage_driver_bind,
};

const struct storage_driver *storage_driver_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (streq(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

const char *storage_handler_name(size_t i)
{
	return i < ARRAY_LEN(drivers) ? drivers[i]->name : NULL;
}

static bool has_option(const Grpc__Storage *req, const char *word)
{
	for (size_t i = 0; i < req->n_options; i++)
		if (streq(req->options[i], word))
			return true;
	return false;
}

int storage_mount_job(const struct storage_job *job, const char *source, const char *skip_options,
		      unsigned long flags, struct err *e)
{
	const Grpc__Storage *req = job->request;
	const struct storage_mount m = {
		.source = source,
		.fstype = req->fstype,
		.options = req->options,
		.n_options = req->n_options,
		.skip_options = skip_options,
		.flags = flags,
		.target = job->mount_point,
	};
	cleanup_close int fd = -EBADF;
	struct err ignored = {0};
	int r;

	r = storage_mount(job->env, &m, e);
	if (r < 0 || req->fs_group == NULL)
		return r;

	fd = storage_path_open(job->env, job->mount_point, e);
	r = fd < 0 ? fd
		   : storage_fsgroup(fd, req->fs_group->group_id, has_option(req, "ro"),
				     req->fs_group->group_change_policy ==
					     TYPES__FSGROUP_CHANGE_POLICY__OnRootMismatch,
				     e);
	if (r < 0)
		(void)!storage_unmount(job->env, job->mount_point, &ignored);
	return r;
}

struct storage_table *storage_table_new(void)
{
	struct storage_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	list_init(&t->entries);
	list_init(&t->owners);
	list_init(&t->waiting);
	return t;
}

void storage_table_free(struct storage_table *t)
{
	if (t == NULL)
		return;
	while (!list_empty(&t->owners)) {
		struct storage_owner *o = list_entry(t->owners.next, struct storage_owner, link);

		while (!list_empty(&o->holds))
			storage_hold_free(list_entry(o->holds.next, struct storage_hold, link));
		list_del(&o->link);
		free(o);
	}
	while (!list_empty(&t->entries))
		storage_entry_free(list_entry(t->entries.next, struct storage_entry, link));
	free(t);
}

struct storage_entry *storage_entry_find(const struct storage_table *t, const char *mount_point)
{
	list_for_each(it, &t->entries) {
		struct storage_entry *e = list_entry(it, struct storage_entry, link);

		if (streq(e->mount_point, mount_point))
			return e;
	}
	return NULL;
}

struct storage_entry *storage_entry_add(struct storage_table *t, const char *mount_point,
					const struct storage_driver *driver, bool is_shared)
{
	struct storage_entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->mount_point = strdup(mount_point);
	if (e->mount_point == NULL) {
		free(e);
		return NULL;
	}
	e->driver = driver;
	e->is_shared = is_shared;
	e->is_fresh = true;
	list_add_tail(&t->entries, &e->link);
	return e;
}

void storage_entry_free(struct storage_entry *e)
{
	list_del(&e->link);
	free(e->mount_point);
	free(e);
}

struct storage_owner *storage_owner_ref(struct storage_table *t, const char *name)
{
	struct storage_owner *o;
	size_t size = strlen(name) + 1;

	list_for_each(it, &t->owners) {
		o = list_entry(it, struct storage_owner, link);
		if (streq(o->name, name)) {
			o->refs++;
			return o;
		}
	}

	o = calloc(1, sizeof(*o) + size);
	if (o == NULL)
		return NULL;
	memcpy(o->name, name, size);
	o->refs = 1;
	list_init(&o->holds);
	list_add_tail(&t->owners, &o->link);
	return o;
}

void storage_owner_unref(struct storage_owner *o)
{
	if (--o->refs > 0 || !list_empty(&o->holds))
		return;
	list_del(&o->link);
	free(o);
}

struct storage_hold *storage_hold_new(struct storage_entry *e)
{
	struct storage_hold *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	list_init(&h->link);
	h->entry = e;
	e->refs++;
	return h;
}

void storage_hold_free(struct storage_hold *h)
{
	list_del(&h->link);
	h->entry->refs--;
	free(h);
}
