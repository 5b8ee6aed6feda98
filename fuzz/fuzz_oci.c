/* SPDX-License-Identifier: Apache-2.0 */
/* A config.json that is accepted is a message without further questions: packs and unpacks. */
#include <stdlib.h>

#include "agent-ctl/oci.h"
#include "base/err.h"
#include "proto/oci.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_message ProtobufCMessage *m = NULL, *back = NULL;
	cleanup_json json_t *config = NULL, *wire = NULL;
	cleanup_free uint8_t *packed = NULL;
	struct err e = {0};
	size_t n;

	config = actl_oci_parse((const char *)data, size, &e);
	if (config == NULL || actl_oci_convert(config, &wire, &e) < 0) {
		if (e.code >= 0 || e.msg[0] == '\0')
			abort();
		return 0;
	}
	if (actl_json_to_message(wire, &grpc__spec__descriptor, &m, &e) < 0)
		abort();
	n = protobuf_c_message_get_packed_size(m);
	packed = malloc(n + 1);
	if (packed == NULL || protobuf_c_message_pack(m, packed) != n)
		abort();
	back = protobuf_c_message_unpack(m->descriptor, NULL, n, packed);
	if (back == NULL)
		abort();
	return 0;
}
