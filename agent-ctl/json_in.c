/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to message. Allocates as protobuf-c would, so that its own free works on the result. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "agent-ctl/base64.h"
#include "agent-ctl/json.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/str.h"

/* ---- names ---- */

static bool same_name(const char *field, const char *name, size_t n)
{
	const char *end = name + n;

	for (;;) {
		while (*field == '_')
			field++;
		while (name < end && *name == '_')
			name++;
		if (*field == '\0' || name == end)
			return *field == '\0' && name == end;
		if (tolower((unsigned char)*field++) != tolower((unsigned char)*name++))
			return false;
	}
}

const ProtobufCFieldDescriptor *actl_field_find(const ProtobufCMessageDescriptor *d,
						const char *name, size_t n)
{
	for (unsigned i = 0; i < d->n_fields; i++) {
		if (same_name(d->fields[i].name, name, n))
			return &d->fields[i];
	}
	return NULL;
}

bool actl_field_is_map(const ProtobufCFieldDescriptor *f)
{
	const ProtobufCMessageDescriptor *d = f->descriptor;

	return f->type == PROTOBUF_C_TYPE_MESSAGE && f->label == PROTOBUF_C_LABEL_REPEATED &&
	       d->n_fields == 2 && str_ends(d->name, "Entry") && streq(d->fields[0].name, "key") &&
	       streq(d->fields[1].name, "value");
}

/* ---- single values ---- */

static int wrong(const ProtobufCFieldDescriptor *f, const char *want, struct err *e)
{
	return err_refuse(e, ERR_INVALID, "'%s' is not %s", f->name, want);
}

static int get_signed(const json_t *j, int64_t low, int64_t high, int64_t *ret)
{
	int64_t v;

	if (json_is_integer(j))
		v = json_integer_value(j);
	else if (!json_is_string(j) || parse_i64(json_string_value(j), &v) < 0)
		return -EINVAL;
	if (v < low || v > high)
		return -ERANGE;
	*ret = v;
	return 0;
}

static int get_unsigned(const json_t *j, uint64_t high, uint64_t *ret)
{
	uint64_t v;

	if (json_is_integer(j) && json_integer_value(j) >= 0)
		v = (uint64_t)json_integer_value(j);
	else if (!json_is_string(j) || parse_u64(json_string_value(j), &v) < 0)
		return -EINVAL;
	if (v > high)
		return -ERANGE;
	*ret = v;
	return 0;
}

static int set_integer(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	int64_t i = 0;
	uint64_t u = 0;

	if (f->type == PROTOBUF_C_TYPE_INT32) {
		if (get_signed(j, INT32_MIN, INT32_MAX, &i) < 0)
			return wrong(f, "a signed 32-bit number", e);
		*(int32_t *)p = (int32_t)i;
	} else if (f->type == PROTOBUF_C_TYPE_INT64) {
		if (get_signed(j, INT64_MIN, INT64_MAX, &i) < 0)
			return wrong(f, "a signed 64-bit number", e);
		*(int64_t *)p = i;
	} else if (f->type == PROTOBUF_C_TYPE_UINT32) {
		if (get_unsigned(j, UINT32_MAX, &u) < 0)
			return wrong(f, "an unsigned 32-bit number", e);
		*(uint32_t *)p = (uint32_t)u;
	} else {
		if (get_unsigned(j, UINT64_MAX, &u) < 0)
			return wrong(f, "an unsigned 64-bit number", e);
		*(uint64_t *)p = u;
	}
	return 0;
}

static int set_bool(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	const char *s = json_string_value(j);

	if (json_is_boolean(j))
		*(protobuf_c_boolean *)p = json_is_true(j);
	else if (s != NULL && (streq(s, "true") || streq(s, "1")))
		*(protobuf_c_boolean *)p = 1;
	else if (s != NULL && (streq(s, "false") || streq(s, "0")))
		*(protobuf_c_boolean *)p = 0;
	else
		return wrong(f, "true or false", e);
	return 0;
}

static int set_enum(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	const ProtobufCEnumDescriptor *d = f->descriptor;
	const ProtobufCEnumValue *v = NULL;
	int64_t i;

	if (json_is_string(j))
		v = protobuf_c_enum_descriptor_get_value_by_name(d, json_string_value(j));
	if (v != NULL) {
		*(int *)p = v->value;
		return 0;
	}
	/* A number that has no name may be just what is to be tried. */
	if (get_signed(j, INT32_MIN, INT32_MAX, &i) < 0)
		return wrong(f, "a name or number of its enum", e);
	*(int *)p = (int)i;
	return 0;
}

static int set_string(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	char *s;

	if (!json_is_string(j))
		return wrong(f, "a string", e);
	if (strlen(json_string_value(j)) != json_string_length(j))
		return wrong(f, "free of NUL characters", e);
	s = strdup(json_string_value(j));
	if (s == NULL)
		return err_set(e, -ENOMEM, "copy '%s'", f->name);
	*(char **)p = s;
	return 0;
}

static int set_bytes(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	ProtobufCBinaryData *b = p;
	int r;

	if (!json_is_string(j))
		return wrong(f, "a base64 string", e);
	r = actl_base64_decode(json_string_value(j), &b->data, &b->len);
	if (r == -EINVAL)
		return wrong(f, "a base64 string", e);
	return r < 0 ? err_set(e, r, "copy '%s'", f->name) : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the messages nest, which do not contain themselves */
static int set_message(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	ProtobufCMessage *m;
	int r;

	if (!json_is_object(j))
		return wrong(f, "an object", e);
	r = actl_json_to_message(j, f->descriptor, &m, e);
	if (r < 0)
		return err_wrap(e, "%s", f->name);
	*(ProtobufCMessage **)p = m;
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): see set_message */
static int set_value(const json_t *j, const ProtobufCFieldDescriptor *f, void *p, struct err *e)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
		return set_integer(j, f, p, e);
	case PROTOBUF_C_TYPE_BOOL:
		return set_bool(j, f, p, e);
	case PROTOBUF_C_TYPE_ENUM:
		return set_enum(j, f, p, e);
	case PROTOBUF_C_TYPE_STRING:
		return set_string(j, f, p, e);
	case PROTOBUF_C_TYPE_BYTES:
		return set_bytes(j, f, p, e);
	case PROTOBUF_C_TYPE_MESSAGE:
		return set_message(j, f, p, e);
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		break;
	}
	return err_refuse(e, ERR_UNIMPLEMENTED, "'%s' has a type that no message uses", f->name);
}

/* ---- lists and maps ---- */

static size_t element_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		break;
	}
	return sizeof(uint32_t);
}

/* Room for @n elements; the count grows as they are set, so a half-made list can be freed. */
static int make_room(const ProtobufCFieldDescriptor *f, char *base, size_t n, struct err *e)
{
	void *where = base + f->offset;
	void *p = calloc(n, element_size(f));

	if (p == NULL)
		return err_set(e, -ENOMEM, "make '%s'", f->name);
	*(void **)where = p;
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): see set_message */
static int set_list(const json_t *j, const ProtobufCFieldDescriptor *f, char *base, struct err *e)
{
	void *count = base + f->quantifier_offset, *where = base + f->offset;
	size_t n = json_array_size(j);
	int r;

	if (!json_is_array(j))
		return wrong(f, "a list", e);
	r = n > 0 ? make_room(f, base, n, e) : 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		void *p = *(char **)where + i * element_size(f);

		r = set_value(json_array_get(j, i), f, p, e);
		if (r < 0)
			return err_wrap(e, "[%zu]", i);
		*(size_t *)count = i + 1;
	}
	return r;
}

/* NOLINTNEXTLINE(misc-no-recursion): see set_message */
static int set_map(const json_t *j, const ProtobufCFieldDescriptor *f, char *base, struct err *e)
{
	void *count = base + f->quantifier_offset, *where = base + f->offset;
	size_t i = 0;
	const char *key;
	json_t *value;
	int r;

	if (!json_is_object(j))
		return wrong(f, "an object", e);
	if (json_object_size(j) == 0)
		return 0;
	r = make_room(f, base, json_object_size(j), e);
	if (r < 0)
		return r;
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		cleanup_json json_t *entry = json_pack("{s:s, s:O}", "key", key, "value", value);
		ProtobufCMessage *m = NULL;

		if (entry == NULL)
			return err_set(e, -ENOMEM, "make '%s'", f->name);
		r = actl_json_to_message(entry, f->descriptor, &m, e);
		if (r < 0)
			return err_wrap(e, "%s", f->name);
		(*(ProtobufCMessage ***)where)[i++] = m;
		*(size_t *)count = i;
	}
	return 0;
}

/* ---- messages ---- */

/* NOLINTNEXTLINE(misc-no-recursion): see set_message */
static int set_field(const json_t *j, const ProtobufCFieldDescriptor *f, char *base, struct err *e)
{
	void *quantifier = base + f->quantifier_offset;
	int r;

	if (json_is_null(j))
		return 0;
	if (actl_field_is_map(f))
		return set_map(j, f, base, e);
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return set_list(j, f, base, e);
	r = set_value(j, f, base + f->offset, e);
	if (r == 0 && (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		*(uint32_t *)quantifier = f->id;
	return r;
}

/* NOLINTNEXTLINE(misc-no-recursion): see set_message */
int actl_json_to_message(const json_t *j, const ProtobufCMessageDescriptor *d,
			 ProtobufCMessage **ret, struct err *e)
{
	cleanup_message ProtobufCMessage *m = calloc(1, d->sizeof_message);
	uint64_t seen = 0;
	const char *key;
	json_t *value;

	if (m == NULL)
		return err_set(e, -ENOMEM, "make %s", d->short_name);
	protobuf_c_message_init(d, m);
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		const ProtobufCFieldDescriptor *f = actl_field_find(d, key, strlen(key));
		uint64_t bit;
		int r;

		if (f == NULL)
			return err_refuse(e, ERR_INVALID, "%s has no field '%s'", d->short_name,
					  key);
		/* Two spellings of one field would leak the first value. No message has 64 fields. */
		bit = UINT64_C(1) << (f - d->fields);
		if (seen & bit)
			return err_refuse(e, ERR_INVALID, "field '%s' is given twice", key);
		seen |= bit;
		r = set_field(value, f, (char *)m, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(m);
	return 0;
}
