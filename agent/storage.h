/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storages: one driver for each word that hosts use, and the table of what is mounted where, for
 * whom. A mount point is mounted once and counted; it goes with its last owner, or with the sandbox
 * when it is shared. The drivers run in workers, the table lives in the agent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/storage_mount.h"
#include "base/list.h"

struct err;
struct Grpc__Storage;

/* What a driver sees in the worker. */
struct storage_job {
	const struct storage_env *env;
	const struct Grpc__Storage *request;
	const char *owner;       /* container id, or "" */
	const char *mount_point; /* clean */
	const char *device;      /* node of a block device; NULL: the driver needs none */
};

enum storage_source {
	STORAGE_SOURCE_PLAIN,
	STORAGE_SOURCE_BLOCK, /* a PCI path to wait for, or a node below /dev */
};

struct storage_driver {
	const char *name;
	enum storage_source source;
	bool goes_with_sandbox; /* not with its last container */
	/* In the worker. Undoes what it did when it fails. */
	int (*mount)(const struct storage_job *job, struct err *e);
	/* In the worker. NULL: storage_unmount. */
	int (*unmount)(const struct storage_env *env, const char *mount_point, struct err *e);
};

extern const struct storage_driver storage_driver_virtiofs, storage_driver_block,
	storage_driver_overlay, storage_driver_ephemeral, storage_driver_local, storage_driver_bind;

/* Return: NULL when there is no such driver. */
const struct storage_driver *storage_driver_find(const char *name);
/* The i-th name that GetGuestDetails lists; NULL behind the last. */
const char *storage_handler_name(size_t i);

/* The common mount with the request's options and more MS_* flags, and its group. In the worker. */
int storage_mount_job(const struct storage_job *job, const char *source, const char *skip_options,
		      unsigned long flags, struct err *e) must_check;

/* UpdateEphemeralMounts for one storage, in the worker. */
int storage_ephemeral_update(const struct storage_env *env, const struct Grpc__Storage *request,
			     struct err *e) must_check;

/* ---- the table ---- */

struct storage_entry {
	struct list link; /* in the order of mounting */
	char *mount_point;
	const struct storage_driver *driver;
	size_t refs;
	bool is_shared; /* stays until the sandbox goes */
	bool is_busy;   /* a worker mounts or unmounts it */
	bool is_fresh;  /* none of its owners has come to be yet */
};

/* One owner's claim on an entry. */
struct storage_hold {
	struct list link;
	struct storage_entry *entry;
};

struct storage_owner {
	struct list link;
	struct list holds; /* in the order of the requests */
	size_t refs;       /* requests under way */
	char name[];
};

struct storage_table {
	struct list entries;
	struct list owners;
	struct list waiting; /* struct resource_op: for a busy entry */
};

struct storage_table *storage_table_new(void); /* NULL: out of memory */
void storage_table_free(struct storage_table *t);
struct storage_entry *storage_entry_find(const struct storage_table *t, const char *mount_point);
struct storage_entry *storage_entry_add(struct storage_table *t, const char *mount_point,
					const struct storage_driver *driver, bool is_shared);
void storage_entry_free(struct storage_entry *e);
/* Made on first use. NULL: out of memory. The last unref frees an owner that holds nothing. */
struct storage_owner *storage_owner_ref(struct storage_table *t, const char *name);
void storage_owner_unref(struct storage_owner *o);
/* Counts one more. NULL: out of memory. */
struct storage_hold *storage_hold_new(struct storage_entry *e);
void storage_hold_free(struct storage_hold *h); /* counts one less */
