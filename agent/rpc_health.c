/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.Health. Answered whatever else goes on: a late Check makes a host tear the pod down. */
#include "agent/agent.h"
#include "agent/rpc.h"
#include "proto/health.pb-c.h"

static int check(unused_arg struct agent *a, struct rpc_call *call,
		 unused_arg const ProtobufCMessage *in, unused_arg struct err *e)
{
	Grpc__HealthCheckResponse msg = GRPC__HEALTH_CHECK_RESPONSE__INIT;

	msg.status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	return rpc_reply(call, &msg.base);
}

static int version(unused_arg struct agent *a, struct rpc_call *call,
		   unused_arg const ProtobufCMessage *in, unused_arg struct err *e)
{
	Grpc__VersionCheckResponse msg = GRPC__VERSION_CHECK_RESPONSE__INIT;
	char release[] = PITH_VERSION, api[] = AGENT_API;

	msg.agent_version = release;
	msg.grpc_version = api;
	return rpc_reply(call, &msg.base);
}

const struct rpc_method rpc_health_methods[] = {
	{"Check", check, RPC_ALWAYS},
	{"Version", version, RPC_ALWAYS},
	{0},
};
