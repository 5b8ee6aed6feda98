/* SPDX-License-Identifier: Apache-2.0 */
/* pith-ctl's way from words and JSON to a message: what is accepted packs, unpacks and prints. */
#include <stdlib.h>
#include <string.h>

#include "agent-ctl/keyval.h"
#include "base/err.h"
#include "proto/agent.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: how the rest is read. A word that names a file would read this machine's. */
static int read_input(json_t **root, char *text, int kind)
{
	struct err e = {0};
	json_error_t at;

	if (kind % 2 == 0) {
		json_decref(*root);
		*root = json_loads(text, 0, &at);
		return *root != NULL && json_is_object(*root) ? 0 : -1;
	}
	if (strstr(text, "=@") != NULL)
		return -1;
	return actl_keyval_set(*root, &grpc__create_container_request__descriptor, text, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_message ProtobufCMessage *m = NULL, *back = NULL;
	cleanup_json json_t *root = json_object(), *out = NULL;
	cleanup_free uint8_t *packed = NULL;
	cleanup_free char *text = NULL;
	struct err e = {0};
	size_t n;

	if (size < 1)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (text == NULL || read_input(&root, text, data[0]) < 0)
		return 0;
	if (actl_json_to_message(root, &grpc__create_container_request__descriptor, &m, &e) < 0)
		return 0;
	n = protobuf_c_message_get_packed_size(m);
	packed = malloc(n + 1);
	if (packed == NULL || protobuf_c_message_pack(m, packed) != n)
		abort();
	back = protobuf_c_message_unpack(m->descriptor, NULL, n, packed);
	out = back != NULL ? actl_json_from_message(back, true) : NULL;
	if (out == NULL)
		abort();
	return 0;
}
