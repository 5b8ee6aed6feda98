/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any protobuf message as JSON and back, driven by its descriptor. Bytes are base64, enums their
 * names, maps objects; a 64-bit number that JSON integers of jansson cannot hold is a string. Field
 * names match regardless of case and underscores, so parts of an OCI config.json can be used as is.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/cleanup.h"

struct err;

static inline void cleanup_json_fn(json_t **j)
{
	json_decref(*j);
}
#define cleanup_json __attribute__((cleanup(cleanup_json_fn)))

/* @defaults: write fields that have their default value too. Owns: the caller. NULL: no memory. */
json_t *actl_json_from_message(const ProtobufCMessage *m, bool defaults) must_check;

/**
 * actl_json_to_message() - a new message from a JSON object
 *
 * Owns:   the caller; free with protobuf_c_message_free_unpacked(m, NULL).
 * Return: 0, or -errno naming the member (ERR_INVALID for a wrong name or type).
 */
int actl_json_to_message(const json_t *j, const ProtobufCMessageDescriptor *d,
			 ProtobufCMessage **ret, struct err *e) must_check;

/* The field a user means by @name (@n bytes), or NULL. */
const ProtobufCFieldDescriptor *actl_field_find(const ProtobufCMessageDescriptor *d,
						const char *name, size_t n);
/* Whether the field is a map: repeated entries of a key and a value. */
bool actl_field_is_map(const ProtobufCFieldDescriptor *f);

static inline void cleanup_message_fn(ProtobufCMessage **m)
{
	if (*m != NULL)
		protobuf_c_message_free_unpacked(*m, NULL);
}
#define cleanup_message __attribute__((cleanup(cleanup_message_fn)))
