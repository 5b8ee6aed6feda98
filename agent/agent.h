/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one context of the agent: what every handler may reach. Built by main before the first
 * request is read, never replaced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/map.h"
#include "container/ctr.h"

struct debug_console;
struct err;
struct init_link;
struct log_port;
struct loop;
struct oom_queue;
struct resource;
struct rpc_call;
struct sandbox;
struct shutdown;
struct timeline;
struct ttrpc_server;

#define AGENT_NAME "kata-agent" /* in log lines: Kata's hosts look for it */
#define AGENT_API  "0.0.1"      /* grpc_version of Health.Version */

/* Guest paths. The base is /run/kata-containers, or --run-dir in tests. */
struct agent_paths {
	char *run;     /* <base>: bundles are <base>/<container id> */
	char *shared;  /* <base>/shared/containers: the shared file system, CopyFile's only tree */
	char *sandbox; /* <base>/sandbox: resolv.conf, shm, ephemeral, storage */
};

struct agent {
	struct loop *loop;
	struct agent_config config;
	struct agent_paths paths;
	struct ctr_host host;
	struct ttrpc_server *server;
	struct sandbox *sandbox;   /* the sandbox and its containers, sandbox.h */
	struct resource *resource; /* devices, storages, kernel events: resource.h */
	struct oom_queue *oom;
	struct log_port *log_port;
	struct debug_console *debug_console; /* NULL: not asked for */
	struct init_link *init;              /* NULL: not under pith-init */
	bool is_under_init;                  /* what GetGuestDetails calls init_daemon */
	bool is_shutting_down;
	struct shutdown *shutdown;
	struct timeline *timeline;
	size_t n_calls;
};

struct agent_options {
	const char *config_file; /* NULL: the kernel command line */
	const char *run_dir;     /* NULL: /run/kata-containers */
	int init_fd;             /* the socket to pith-init; -EBADF: none */
	int timeline_fd;
};

/* Everything up to a loop that can run; the port listens before anything slow. */
int agent_new(const struct agent_options *o, struct agent **ret, struct err *e) must_check;
/* Return: the exit code. */
int agent_run(struct agent *a);
void agent_free(struct agent *a);

/**
 * agent_shutdown() - containers, mounts, reply, end
 * @call: of DestroySandbox, answered with success before the process ends; NULL: a signal
 *
 * Return: 0 or RPC_LATER.
 */
int agent_shutdown(struct agent *a, struct rpc_call *call);
