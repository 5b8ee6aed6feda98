/* SPDX-License-Identifier: Apache-2.0 */
/* Health, the sandbox, and requests that no method handles. */
#include <string.h>

#include "proto/health.pb-c.h"
#include "tests/rpc/rpc.h"

static struct result create_sandbox(Grpc__CreateSandboxRequest *req)
{
	return call("CreateSandbox", &req->base);
}

TEST(check_answers_serving)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct result r = call_on(world.client, "grpc.Health", "Check", &req.base, NO_TIMEOUT);

	EXPECT(r, 0);
	CHECK(r.n == 2 && memcmp(r.payload, "\x08\x01", 2) == 0);
}

TEST(version_names_agent_and_api)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct result r = call_on(world.client, "grpc.Health", "Version", &req.base, NO_TIMEOUT);
	Grpc__VersionCheckResponse *msg;

	EXPECT(r, 0);
	msg = grpc__version_check_response__unpack(NULL, r.n, r.payload);
	CHECK(msg != NULL);
	CHECK_STR(msg->agent_version, PITH_VERSION);
	CHECK_STR(msg->grpc_version, "0.0.1");
	grpc__version_check_response__free_unpacked(msg, NULL);
}

TEST(unknown_service_is_3_and_unknown_method_is_12)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;

	EXPECT_TEXT(call_on(world.client, "grpc.Nothing", "Check", &req.base, NO_TIMEOUT), 3,
		    "grpc.Nothing service does not exist");
	EXPECT_TEXT(call("Foo", &req.base), 12, "Foo method");
}

TEST(declared_but_unbuilt_methods_answer_12)
{
	Grpc__GetMetricsRequest metrics = GRPC__GET_METRICS_REQUEST__INIT;
	Grpc__ResizeVolumeRequest resize = GRPC__RESIZE_VOLUME_REQUEST__INIT;

	EXPECT(call("GetMetrics", &metrics.base), 12);
	EXPECT_TEXT(call("ResizeVolume", &resize.base), 12,
		    "resize_volume is not implemented in kata-agent");
}

TEST(set_policy_answers_5_with_the_text_of_kata)
{
	Grpc__SetPolicyRequest req = GRPC__SET_POLICY_REQUEST__INIT;

	EXPECT_TEXT(call("SetPolicy", &req.base), 5,
		    "/grpc.AgentService/SetPolicy is not supported");
}

TEST(mem_agent_is_disabled)
{
	Grpc__MemAgentMemcgConfig req = GRPC__MEM_AGENT_MEMCG_CONFIG__INIT;

	EXPECT_TEXT(call("MemAgentMemcgSet", &req.base), 13, "mem-agent is disabled");
}

TEST(guest_details_say_seccomp_and_handlers)
{
	Grpc__GuestDetailsRequest req = GRPC__GUEST_DETAILS_REQUEST__INIT;
	Grpc__GuestDetailsResponse *msg;
	struct result r;

	req.mem_block_size = true;
	req.mem_hotplug_probe = true;
	r = call("GetGuestDetails", &req.base);
	EXPECT(r, 0);
	msg = grpc__guest_details_response__unpack(NULL, r.n, r.payload);
	CHECK(msg != NULL && msg->agent_details != NULL);
	CHECK(msg->agent_details->supports_seccomp);
	CHECK(!msg->agent_details->init_daemon);
	CHECK_STR(msg->agent_details->version, PITH_VERSION);
	CHECK(msg->agent_details->n_storage_handlers >= 5);
	grpc__guest_details_response__free_unpacked(msg, NULL);
}

TEST(sandbox_is_created_twice_while_it_is_empty)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;

	req.hostname = (char[]){"pod-name"};
	req.sandbox_id = (char[]){"sb0"};
	EXPECT(create_sandbox(&req), 0);
	EXPECT(create_sandbox(&req), 0);
}

TEST(sandbox_leaves_the_agents_own_hostname_alone)
{
	char name[64] = "";

	CHECK(gethostname(name, sizeof(name)) == 0);
	CHECK(strcmp(name, "pod-name") != 0);
}

TEST(kernel_module_names_cannot_be_options_or_paths)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	Grpc__KernelModule m = GRPC__KERNEL_MODULE__INIT;
	Grpc__KernelModule *list[] = {&m};

	req.kernel_modules = list;
	req.n_kernel_modules = 1;
	m.name = (char[]){"-r"};
	EXPECT(create_sandbox(&req), 3);
	m.name = (char[]){"../x"};
	EXPECT(create_sandbox(&req), 3);
	m.name = (char[]){""};
	EXPECT_TEXT(create_sandbox(&req), 13, "Kernel module name is empty");
}

TEST(unknown_storage_driver_fails_the_sandbox_and_leaves_it_usable)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	Grpc__Storage st = GRPC__STORAGE__INIT;
	Grpc__Storage *list[] = {&st};

	st.driver = (char[]){"no-such-driver"};
	req.storages = list;
	req.n_storages = 1;
	EXPECT_TEXT(create_sandbox(&req), 13, "Failed to find the storage handler no-such-driver");
	req.n_storages = 0;
	EXPECT(create_sandbox(&req), 0);
}
