/* SPDX-License-Identifier: Apache-2.0 */
/* A CreateContainer request as a spec: whatever unpacks converts, or is refused with words. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/dispatch.h"
#include "agent/spec_proto.h"
#include "agent/unpack.h"
#include "base/arena.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena in = ARENA_INIT(RPC_ARENA_MAX), out = ARENA_INIT(RPC_ARENA_MAX);
	struct ctr_spec *spec = NULL;
	struct err e = {0};
	const ProtobufCMessage *msg;

	msg = unpack_message(&grpc__spec__descriptor, (struct slice){(const char *)data, size}, &in,
			     &e);
	if (msg != NULL) {
		int r = spec_from_proto((const Grpc__Spec *)msg, &out, &spec, &e);

		/* The result must not lean on the request. */
		arena_done(&in);
		if (r == 0 &&
		    (spec == NULL || spec->process == NULL || spec->process->args.n == 0 ||
		     spec->process->args.v[spec->process->args.n] != NULL))
			abort();
		if (r < 0 && e.msg[0] == '\0')
			abort();
	}
	arena_done(&in);
	arena_done(&out);
	return 0;
}
