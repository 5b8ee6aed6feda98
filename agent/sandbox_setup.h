/* SPDX-License-Identifier: Apache-2.0 */
/* The two jobs of CreateSandbox that can block, each in a worker. */
#pragma once

#include "base/cleanup.h"
#include "proto/agent.pb-c.h"

struct agent;
struct err;

/* e->code is 0 on success; @fds: ipc and uts namespace, to be taken. */
typedef void (*sandbox_setup_fn)(void *data, const struct err *e, int fds[2]);

/* Checks what a request can get wrong before anything is done. */
int sandbox_setup_check(const Grpc__CreateSandboxRequest *req, struct err *e) must_check;

/* Empties the run directory (never across a mount), loads modules, makes the namespaces. */
int sandbox_setup_start(struct agent *a, const Grpc__CreateSandboxRequest *req,
			sandbox_setup_fn done, void *data, struct err *e) must_check;

/* Writes resolv.conf and binds it over the guest's; nothing to do when @req has no lines. */
int sandbox_dns_start(struct agent *a, const Grpc__CreateSandboxRequest *req,
		      void (*done)(void *data, const struct err *e), void *data,
		      struct err *e) must_check;
