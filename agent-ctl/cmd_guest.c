/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the guest and its sandbox as a whole. */
#include <stdio.h>
#include <string.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "agent-ctl/print.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"

int cmd_check(struct actl *a, int argc, char **argv unused_arg)
{
	Grpc__CheckRequest q = GRPC__CHECK_REQUEST__INIT;
	cleanup_result struct actl_result r = {0};
	const Grpc__HealthCheckResponse *m;
	int code;

	if (argc != 1)
		return actl_usage("check");
	code = actl_call(a, "Check", &q.base, &r);
	if (code != ACTL_OK)
		return code;
	code = actl_print_message(r.out, a->json);
	m = (const Grpc__HealthCheckResponse *)r.out;
	if (m->status != GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING)
		return ACTL_FAILED;
	return code;
}

int cmd_version(struct actl *a, int argc, char **argv unused_arg)
{
	Grpc__CheckRequest q = GRPC__CHECK_REQUEST__INIT;

	if (argc != 1)
		return actl_usage("version");
	if (!a->has_addr) {
		(void)printf("pith-ctl %s\n", PITH_VERSION);
		return ACTL_OK;
	}
	return actl_call_print(a, "Version", &q.base);
}

int cmd_details(struct actl *a, int argc, char **argv unused_arg)
{
	Grpc__GuestDetailsRequest q = GRPC__GUEST_DETAILS_REQUEST__INIT;

	if (argc != 1)
		return actl_usage("details");
	q.mem_block_size = q.mem_hotplug_probe = 1;
	return actl_call_print(a, "GetGuestDetails", &q.base);
}

int cmd_metrics(struct actl *a, int argc, char **argv unused_arg)
{
	Grpc__GetMetricsRequest q = GRPC__GET_METRICS_REQUEST__INIT;
	cleanup_result struct actl_result r = {0};
	int code;

	if (argc != 1)
		return actl_usage("metrics");
	code = actl_call(a, "GetMetrics", &q.base, &r);
	if (code != ACTL_OK || a->json)
		return code != ACTL_OK ? code : actl_print_message(r.out, true);
	(void)fputs(((const Grpc__Metrics *)r.out)->metrics, stdout);
	return ACTL_OK;
}

/* One line for each container that ran out of memory, until the connection ends. */
int cmd_events(struct actl *a, int argc, char **argv unused_arg)
{
	Grpc__GetOOMEventRequest q = GRPC__GET_OOMEVENT_REQUEST__INIT;

	if (argc != 1)
		return actl_usage("events");
	for (;;) {
		int code = actl_call_print(a, "GetOOMEvent", &q.base);

		if (code != ACTL_OK)
			return code;
	}
}

int cmd_destroy(struct actl *a, int argc, char **argv unused_arg)
{
	Grpc__DestroySandboxRequest q = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

	if (argc != 1)
		return actl_usage("destroy");
	return actl_call(a, "DestroySandbox", &q.base, NULL);
}
