/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte picks the method, the rest is its message: unpacked under the cap, packed again. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/dispatch.h"
#include "agent/unpack.h"
#include "base/arena.h"
#include "base/err.h"
#include "proto/agent.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCServiceDescriptor *svc = &grpc__agent_service__descriptor;
	struct arena arena = ARENA_INIT(RPC_ARENA_MAX);
	const ProtobufCMethodDescriptor *m;
	ProtobufCMessage *msg;
	struct err e = {0};

	if (size == 0)
		return 0;
	m = &svc->methods[data[0] % svc->n_methods];
	msg = unpack_message(m->input, (struct slice){(const char *)data + 1, size - 1}, &arena,
			     &e);
	if (msg != NULL) {
		size_t n = protobuf_c_message_get_packed_size(msg);
		uint8_t *out = malloc(n + 1);

		if (out != NULL && protobuf_c_message_pack(msg, out) != n)
			abort();
		free(out);
	} else if (e.code >= 0) {
		abort(); /* refused without a word */
	}
	arena_done(&arena);
	return 0;
}
