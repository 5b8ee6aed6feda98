/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to messages, and the tables that lead from a name to a handler. */
#include <string.h>

#include "agent/dispatch.h"
#include "agent/rpc.h"
#include "agent/unpack.h"
#include "base/arena.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"
#include "tests/test.h"

#define BYTES(text) ((struct slice){(text), sizeof(text) - 1})

static int check_start(struct slice s, struct err *e)
{
	return unpack_check(&grpc__start_container_request__descriptor, s, e);
}

TEST(well_formed_text_passes)
{
	struct err e = {0};

	CHECK(check_start(BYTES("\x0a\x02"
				"c1"),
			  &e) == 0);
	CHECK(check_start(BYTES(""), &e) == 0);
}

TEST(unknown_fields_are_skipped)
{
	struct err e = {0};

	CHECK(check_start(BYTES("\x50\x07\x5a\x02\xff\xfe\x61"
				"12345678"
				"\x6d"
				"1234"),
			  &e) == 0);
}

TEST(text_with_a_nul_or_not_utf8_is_refused_by_field)
{
	struct err e = {0};

	CHECK(check_start(BYTES("\x0a\x03"
				"a\0b"),
			  &e) == -EINVAL);
	CHECK(e.kind == ERR_INVALID && strstr(e.msg, "container_id") != NULL);
	CHECK(check_start(BYTES("\x0a\x02\xc3\x28"), &e) == -EINVAL);
}

TEST(malformed_wire_is_refused)
{
	static const struct slice bad[] = {
		{"\x0a", 1}, /* length missing */
		{"\x0a\x05"
		 "abc",
		 5},                                                      /* past the end */
		{"\x00\x01", 2},                                          /* field 0 */
		{"\x0b\x0c", 2},                                          /* group */
		{"\x0f\x01", 2},                                          /* wire type 7 */
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* varint too long */
		{"\x61"
		 "123",
		 4}, /* fixed64 cut */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		CHECK(check_start(bad[i], &e) == -EINVAL && e.kind == ERR_INVALID);
	}
}

TEST(nested_messages_are_checked_too)
{
	struct err e = {0};

	/* CreateContainerRequest.OCI.Process.Args[0] */
	CHECK(unpack_check(&grpc__create_container_request__descriptor,
			   BYTES("\x32\x05\x12\x03\x22\x01\xff"), &e) == -EINVAL);
	CHECK(strstr(e.msg, "Args") != NULL);
}

TEST(message_over_the_arena_is_a_limit_and_names_it)
{
	struct arena small = ARENA_INIT(4096);
	static char many[8000];
	struct err e = {0};

	for (size_t i = 0; i < sizeof(many); i += 2)
		many[i] = 0x2a; /* storages: one empty message each */
	CHECK(unpack_message(&grpc__create_container_request__descriptor,
			     (struct slice){many, sizeof(many)}, &small, &e) == NULL);
	CHECK(e.kind == ERR_LIMIT && strstr(e.msg, "4096") != NULL);
	arena_done(&small);
}

TEST(message_is_built_in_the_arena)
{
	struct arena a = ARENA_INIT(65536);
	struct err e = {0};
	const Grpc__StartContainerRequest *req;

	req = (const void *)unpack_message(&grpc__start_container_request__descriptor,
					   BYTES("\x0a\x02"
						 "c1"),
					   &a, &e);
	CHECK(req != NULL);
	CHECK_STR(req->container_id, "c1");
	arena_done(&a);
}

/* ---- the way to a handler ---- */

TEST(every_handler_is_a_method_of_its_service)
{
	static const struct rpc_method *const tables[] = {
		rpc_sandbox_methods, rpc_container_methods, rpc_process_methods, rpc_stdio_methods,
		rpc_events_methods,  rpc_net_methods,       rpc_storage_methods, rpc_guest_methods,
	};

	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		for (const struct rpc_method *m = tables[t]; m->name != NULL; m++) {
			const ProtobufCMethodDescriptor *d = NULL;
			const struct rpc_method *found = NULL;

			CHECK(dispatch_find(slice_of("grpc.AgentService"), slice_of(m->name), &d,
					    &found) == 0);
			CHECK(found == m); /* and no second one of that name */
		}
	}
}

TEST(what_a_first_pod_needs_is_handled)
{
	static const char *const names[] = {
		"CreateSandbox",
		"DestroySandbox",
		"GetGuestDetails",
		"CreateContainer",
		"StartContainer",
		"RemoveContainer",
		"ExecProcess",
		"SignalProcess",
		"WaitProcess",
		"WriteStdin",
		"ReadStdout",
		"ReadStderr",
		"CloseStdin",
		"TtyWinResize",
		"StatsContainer",
		"UpdateContainer",
		"PauseContainer",
		"ResumeContainer",
		"GetOOMEvent",
		"UpdateInterface",
		"UpdateRoutes",
		"AddARPNeighbors",
		"ListInterfaces",
		"ListRoutes",
		"OnlineCPUMem",
		"MemHotplugByProbe",
		"UpdateEphemeralMounts",
		"SetGuestDateTime",
		"ReseedRandomDev",
		"CopyFile",
		"RemoveStaleVirtiofsShareMounts",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const ProtobufCMethodDescriptor *d = NULL;
		const struct rpc_method *m = NULL;

		CHECK(dispatch_find(slice_of("grpc.AgentService"), slice_of(names[i]), &d, &m) ==
		      0);
		CHECK(m != NULL);
	}
}

TEST(unknown_names_are_told_apart)
{
	const ProtobufCMethodDescriptor *d = NULL;
	const struct rpc_method *m = NULL;

	CHECK(dispatch_find(slice_of("grpc.Agent"), slice_of("Check"), &d, &m) == -ENOENT);
	CHECK(dispatch_find(slice_of("grpc.Health"), slice_of("check"), &d, &m) == -ENOSYS);
	CHECK(dispatch_find(slice_of("grpc.AgentService"), slice_of("GetMetrics"), &d, &m) == 0);
}

TEST(kinds_of_errors_are_the_codes_of_the_wire)
{
	CHECK(dispatch_code(ERR_INTERNAL) == 13 && dispatch_code(ERR_INVALID) == 3);
	CHECK(dispatch_code(ERR_NOT_FOUND) == 5 && dispatch_code(ERR_EXISTS) == 6);
	CHECK(dispatch_code(ERR_PRECONDITION) == 9 && dispatch_code(ERR_LIMIT) == 8);
	CHECK(dispatch_code(ERR_TIMEOUT) == 4 && dispatch_code(ERR_UNIMPLEMENTED) == 12);
	CHECK(dispatch_code(ERR_PERMISSION) == 7 && dispatch_code(ERR_UNAVAILABLE) == 14);
}
