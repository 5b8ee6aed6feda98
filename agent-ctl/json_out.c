/* SPDX-License-Identifier: Apache-2.0 */
/* Message to JSON. Reads structs by the offsets of their descriptors; changes nothing. */
#include <string.h>

#include "agent-ctl/base64.h"
#include "agent-ctl/json.h"
#include "base/str.h"

static json_t *from_u64(uint64_t v)
{
	char text[24];

	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return json_string(text);
}

static json_t *from_bytes(const ProtobufCBinaryData *b)
{
	cleanup_free char *text = actl_base64_encode(b->data, b->len);

	return text != NULL ? json_string(text) : NULL;
}

/* Text in a message is UTF-8 by contract; a peer that breaks it is shown as Latin-1. */
static json_t *from_string(const char *s)
{
	struct str out = STR_INIT(2 * strlen(s) + 1);
	json_t *j = json_string(s);

	if (j != NULL)
		return j;
	for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
		if (*p >= 0x80)
			(void)str_add_char(&out, (char)(0xc0 | *p >> 6));
		(void)str_add_char(&out, (char)(*p >= 0x80 ? 0x80 | (*p & 0x3f) : *p));
	}
	j = json_string(str_text(&out));
	str_done(&out);
	return j;
}

static json_t *from_enum(const ProtobufCEnumDescriptor *d, int v)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(d, v);

	return known != NULL ? json_string(known->name) : json_integer(v);
}

/* One value at @p, whatever the label. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the messages nest, which do not contain themselves */
static json_t *from_value(const ProtobufCFieldDescriptor *f, const void *p, bool defaults)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_integer(*(const int32_t *)p);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)p);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return json_integer(*(const int64_t *)p);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return from_u64(*(const uint64_t *)p);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_real((double)*(const float *)p);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)p);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)p);
	case PROTOBUF_C_TYPE_ENUM:
		return from_enum(f->descriptor, *(const int *)p);
	case PROTOBUF_C_TYPE_STRING:
		return from_string(*(const char *const *)p);
	case PROTOBUF_C_TYPE_BYTES:
		return from_bytes(p);
	case PROTOBUF_C_TYPE_MESSAGE:
		return actl_json_from_message(*(const ProtobufCMessage *const *)p, defaults);
	}
	return NULL;
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	return sizeof(void *);
}

/* A map entry's key is a string in all our messages; the value is field 2. */
/* NOLINTNEXTLINE(misc-no-recursion): see from_value */
static int add_map_entry(json_t *object, const ProtobufCMessage *entry, bool defaults)
{
	const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
	const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
	const char *base = (const char *)entry;
	const void *name = base + key->offset;

	return json_object_set_new(object, *(const char *const *)name,
				   from_value(value, base + value->offset, defaults));
}

/* NOLINTNEXTLINE(misc-no-recursion): see from_value */
static json_t *from_repeated(const ProtobufCFieldDescriptor *f, const char *base, bool defaults)
{
	const void *count = base + f->quantifier_offset, *where = base + f->offset;
	size_t n = *(const size_t *)count, size = value_size(f->type);
	const char *values = *(const char *const *)where;
	bool is_map = actl_field_is_map(f);
	cleanup_json json_t *all = is_map ? json_object() : json_array();

	for (size_t i = 0; i < n; i++) {
		const void *p = values + i * size;
		int r;

		if (is_map)
			r = add_map_entry(all, *(const ProtobufCMessage *const *)p, defaults);
		else
			r = json_array_append_new(all, from_value(f, p, defaults));
		if (r < 0)
			return NULL;
	}
	return TAKE_PTR(all);
}

static bool is_default(const ProtobufCFieldDescriptor *f, const char *base)
{
	static const char zero[sizeof(ProtobufCBinaryData)];
	const void *quantifier = base + f->quantifier_offset, *p = base + f->offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier == 0;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)quantifier != f->id;
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return (*(const char *const *)p)[0] == '\0';
	if (f->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)p)->len == 0;
	return memcmp(p, zero, value_size(f->type)) == 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): see from_value */
json_t *actl_json_from_message(const ProtobufCMessage *m, bool defaults)
{
	cleanup_json json_t *object = json_object();
	const char *base = (const char *)m;

	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		bool absent = is_default(f, base);
		json_t *v;

		/* An absent message or oneof has no value to show. */
		if (absent &&
		    (!defaults || (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		     (f->type == PROTOBUF_C_TYPE_MESSAGE && f->label != PROTOBUF_C_LABEL_REPEATED)))
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			v = from_repeated(f, base, defaults);
		else
			v = from_value(f, base + f->offset, defaults);
		if (json_object_set_new(object, f->name, v) < 0)
			return NULL;
	}
	return TAKE_PTR(object);
}
