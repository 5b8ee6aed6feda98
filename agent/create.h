/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/cleanup.h"

struct agent;
struct err;
struct rpc_call;

/* The handler of CreateContainer (rpc.h): all of it, or nothing of it, exists when it is answered. */
int create_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		     struct err *e);
