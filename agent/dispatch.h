/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a complete request to a handler and back to a status. Service and method come from the
 * generated descriptors; requests are unpacked into the call's arena under a cap. The only place
 * that knows status numbers.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "ttrpc/server.h"

struct agent;
struct arena;
struct rpc_method;

#define RPC_ARENA_MAX (32u << 20) /* unpacked request and everything built for its call */
#define RPC_CALLS_MAX 16384       /* open at once, over all connections */

/* The function for ttrpc_server_new; @data is the struct agent. */
void dispatch_request(void *data, struct ttrpc_call *wire);

/**
 * dispatch_find() - the method's descriptor and handler
 * @ret_method: NULL when the method is declared but nothing handles it
 *
 * Return: 0; -ENOENT unknown service; -ENOSYS unknown method.
 */
int dispatch_find(struct slice service, struct slice method,
		  const ProtobufCMethodDescriptor **ret_desc,
		  const struct rpc_method **ret_method) must_check;

/* The one table from kinds of error to status codes. */
/* The status number of a failure. */
enum ttrpc_code dispatch_code(enum err_kind kind);
