/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sandbox and the containers ask of the device and storage side. An owner is a container
 * id, or "" for the sandbox itself; everything that was prepared for an owner is released with it.
 * Mounts are shared between owners by mount point and counted there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct agent;
struct arena;
struct ctr_spec;
struct err;
struct resource;
struct resource_op;
struct Grpc__Device;
struct Grpc__Storage;

/* Subscribes to kernel events and scans what is there; before the first request is answered. */
int resource_new(struct agent *a, struct resource **ret, struct err *e) must_check;
void resource_free(struct resource *r); /* NULL is fine; unmounts nothing */

/* e->code is 0 on success. Once, never from inside the call that began it. */
typedef void (*resource_done_fn)(void *data, const struct err *e);

struct resource_request {
	const char *owner;                   /* copied */
	struct Grpc__Device *const *devices; /* borrowed until done, like everything below */
	size_t n_devices;
	struct Grpc__Storage *const *storages;
	size_t n_storages;
	struct ctr_spec *spec;    /* device numbers are rewritten here; NULL: sandbox */
	struct arena *spec_arena; /* for what the rewriting allocates */
	uint64_t deadline_ns;     /* CLOCK_MONOTONIC; 0: none */
};

/**
 * resource_prepare() - wait for the devices, rewrite the spec, mount the storages in order
 *
 * All or nothing: before @done reports a failure everything of this request is undone.
 * Owns:   *ret belongs to the callee and is valid until @done runs.
 * Return: 0, or negative errno with nothing begun.
 */
int resource_prepare(struct agent *a, const struct resource_request *req, resource_done_fn done,
		     void *data, struct resource_op **ret, struct err *e) must_check;
/* Stops waiting and undoes; @done gets ERR_TIMEOUT. */
void resource_cancel(struct resource_op *op);

/**
 * resource_release() - give up everything of an owner, storages in reverse order
 *
 * Nothing held is success. Goes on past failures and reports the first one at the end; what
 * failed stays recorded, so that a second call tries it again.
 */
int resource_release(struct agent *a, const char *owner, resource_done_fn done, void *data,
		     struct err *e) must_check;

/**
 * resource_commit() - the owner has come to be
 *
 * Until then its release also undoes what would else stay for the sandbox: shared storages and
 * memory that were first asked for by an owner that was never made.
 */
void resource_commit(struct agent *a, const char *owner);
