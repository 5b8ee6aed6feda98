/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox: what its containers share. Namespaces are pinned by fd; nothing of it is found by
 * path. Works without ever being created: containers then get namespaces of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "base/map.h"
#include "container/spec.h"

struct agent;
struct err;

struct sandbox {
	bool is_running;
	char *id;              /* NULL: none was sent */
	struct map containers; /* id → struct container */
	size_t n_processes;
	int ipc_fd, uts_fd; /* -EBADF: not created */
	int pid_fd;         /* of the first container; -EBADF: none yet */
	bool is_changing;   /* a CreateSandbox is under way */
	bool has_dns_mount;
	struct loop_timer trim_timer; /* gives freed memory back after removals */
	/* DestroySandbox waits here for the last container. */
	void (*on_empty)(void *data);
	void *on_empty_data;
	struct arena hooks_arena;
	struct ctr_hooks hooks[CTR_HOOK_KINDS]; /* from the guest's image */
};

/* An empty sandbox, state New. Return: 0 or -errno. */
/* A sandbox that has not been created yet. Return: 0 or -ENOMEM. */
int sandbox_new(struct sandbox **ret) must_check;
void sandbox_free(struct sandbox *s);

/* Drops namespaces and hooks; the state is New again. */
void sandbox_reset(struct sandbox *s);

/* One container less: whoever waits for the last one hears of it. */
void sandbox_container_gone(struct sandbox *s, struct loop *loop);

/* Executable regular files below @path/prestart, poststart, poststop; what is wrong is only logged. */
void sandbox_scan_hooks(struct sandbox *s, const char *path);
/* Appends the guest's hooks to those of the spec, each to its own kind. */
int sandbox_add_hooks(const struct sandbox *s, struct ctr_spec *spec, struct arena *arena,
		      struct err *e) must_check;
/* The namespace entries of a container's spec: shared ones by fd, paths of the host dropped. The
 * array has room for one entry more (spec_from_proto). */
int sandbox_join_namespaces(const struct sandbox *s, struct ctr_spec *spec, bool shared_pidns,
			    struct err *e) must_check;
