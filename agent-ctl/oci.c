/* SPDX-License-Identifier: Apache-2.0 */
/* Walks an OCI specification beside the wire's descriptors; what is in which object is in oci_table.c. */
#include "agent-ctl/oci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#define LOG_MODULE "ctl"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "proto/oci.pb-c.h"

#define TEXT_MAX     ((size_t)8 << 20)
#define PROPERTY_MAX 160 /* of a property, for people; a longer one loses its end */
#define DIGITS_SAFE  18  /* digits that INT64_MAX has room for, whatever they are */

/* ---- text ---- */

/* How many bytes of @p are one string, quotes included; all of them when it has no end. */
static size_t string_length(const char *p, size_t n)
{
	size_t i = 1;

	while (i < n && p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return i < n ? i + 1 : n;
}

static bool is_number_char(char c)
{
	return c != '\0' && strchr("0123456789+-.eE", c) != NULL;
}

/* Whether @p is an integer without sign that only an unsigned 64-bit number holds. */
static bool is_large(const char *p, size_t n)
{
	uint64_t v;

	return n > DIGITS_SAFE && p[0] != '0' &&
	       parse_slice_u64((struct slice){.p = p, .n = n}, &v) == 0 && v > INT64_MAX;
}

static int quote_large(const char *text, size_t n, struct str *out)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = 1;
		if (text[i] == '"')
			len = string_length(text + i, n - i);
		else
			while (is_number_char(text[i]) && i + len < n &&
			       is_number_char(text[i + len]))
				len++;
		if (is_large(text + i, len))
			(void)str_addf(out, "\"%.*s\"", (int)len, text + i);
		else
			(void)str_add_n(out, text + i, len);
	}
	return str_check(out);
}

json_t *actl_oci_parse(const char *text, size_t n, struct err *e)
{
	cleanup_str struct str quoted = STR_INIT(TEXT_MAX);
	cleanup_json json_t *j = NULL;
	json_error_t at;
	int r = quote_large(text, n, &quoted);

	if (r < 0) {
		e->code = err_set(e, r, "larger than %zu bytes", TEXT_MAX);
		return NULL;
	}
	j = json_loadb(str_text(&quoted), quoted.n, JSON_REJECT_DUPLICATES, &at);
	if (j == NULL)
		e->code = err_refuse(e, ERR_INVALID, "line %d: %s", at.line, at.text);
	else if (!json_is_object(j))
		e->code = err_refuse(e, ERR_INVALID, "not an object");
	return e->code < 0 ? NULL : TAKE_PTR(j);
}

/* ---- values ---- */

struct walk {
	char path[PROPERTY_MAX];
	size_t n; /* of the path; may be more than there is room for */
	struct err *e;
};

/* The names come from outside and go to a terminal. */
static size_t enter(struct walk *w, const char *name)
{
	size_t before = w->n;

	if (before >= sizeof(w->path))
		return before;
	w->n += (size_t)snprintf(w->path + before, sizeof(w->path) - before, "%s%s",
				 before > 0 ? "." : "", name);
	for (char *p = w->path + before; *p != '\0'; p++)
		*p = (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p;
	return before;
}

static size_t enter_index(struct walk *w, size_t i)
{
	size_t before = w->n;

	if (before < sizeof(w->path))
		w->n += (size_t)snprintf(w->path + before, sizeof(w->path) - before, "[%zu]", i);
	return before;
}

static void leave(struct walk *w, size_t before)
{
	w->n = before;
	if (before < sizeof(w->path))
		w->path[before] = '\0';
}

static int wrong(const struct walk *w, const char *want)
{
	return err_refuse(w->e, ERR_INVALID, "%s is not %s", w->path, want);
}

static int no_memory(const struct walk *w)
{
	return err_set(w->e, -ENOMEM, "convert %s", w->path);
}

static int check_integer(const struct walk *w, const json_t *j, int64_t low, int64_t high)
{
	if (!json_is_integer(j))
		return wrong(w, "a whole number");
	if (json_integer_value(j) < low || json_integer_value(j) > high)
		return wrong(w, "in the range of its type");
	return 0;
}

static int check_scalar(const struct walk *w, const json_t *j, const ProtobufCFieldDescriptor *f)
{
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return json_is_string(j) ? 0 : wrong(w, "a string");
	if (f->type == PROTOBUF_C_TYPE_BOOL)
		return json_is_boolean(j) ? 0 : wrong(w, "true or false");
	if (f->type == PROTOBUF_C_TYPE_UINT32)
		return check_integer(w, j, 0, UINT32_MAX);
	if (f->type == PROTOBUF_C_TYPE_INT64)
		return check_integer(w, j, INT64_MIN, INT64_MAX);
	/* What actl_oci_parse quoted; another string is a mistake. */
	if (json_is_string(j) && is_large(json_string_value(j), json_string_length(j)))
		return 0;
	return check_integer(w, j, 0, INT64_MAX);
}

/* ---- objects ---- */

static const struct actl_oci_table *table_of(const ProtobufCMessageDescriptor *d)
{
	size_t i = 0;

	while (i < actl_oci_n_tables && actl_oci_tables[i].message != d)
		i++;
	return i < actl_oci_n_tables ? &actl_oci_tables[i] : NULL;
}

static const struct actl_oci_name *name_of(const struct actl_oci_table *t, const char *name)
{
	size_t i = 0;

	while (i < t->n && !streq(t->names[i].name, name))
		i++;
	return i < t->n ? &t->names[i] : NULL;
}

/* Whether a property asks for nothing, so that leaving it out loses nothing. */
static bool is_harmless(const struct actl_oci_name *name, const json_t *j)
{
	if (json_is_integer(j))
		return json_integer_value(j) == name->harmless;
	return json_is_false(j) || (json_is_string(j) && json_string_length(j) == 0) ||
	       (json_is_array(j) && json_array_size(j) == 0) ||
	       (json_is_object(j) && json_object_size(j) == 0);
}

static int convert_object(struct walk *w, const json_t *j, const ProtobufCMessageDescriptor *d,
			  json_t **ret);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the messages nest, which do not contain themselves */
static int convert_value(struct walk *w, json_t *j, const ProtobufCFieldDescriptor *f, json_t **ret)
{
	int r;

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return convert_object(w, j, f->descriptor, ret);
	r = check_scalar(w, j, f);
	if (r == 0)
		*ret = json_incref(j);
	return r;
}

/* NOLINTNEXTLINE(misc-no-recursion): see convert_value */
static int convert_list(struct walk *w, const json_t *j, const ProtobufCFieldDescriptor *f,
			json_t **ret)
{
	cleanup_json json_t *out = json_array();
	size_t i;
	json_t *one;

	if (!json_is_array(j))
		return wrong(w, "a list");
	json_array_foreach(j, i, one)
	{
		json_t *value = NULL;
		size_t before = enter_index(w, i);
		int r = convert_value(w, one, f, &value);

		if (r == 0 && json_array_append_new(out, value) < 0)
			r = no_memory(w);
		if (r < 0)
			return r;
		leave(w, before);
	}
	*ret = TAKE_PTR(out);
	return *ret != NULL ? 0 : no_memory(w);
}

static int convert_map(struct walk *w, json_t *j, json_t **ret)
{
	const char *key;
	json_t *value;

	if (!json_is_object(j))
		return wrong(w, "an object");
	json_object_foreach(j, key, value)
	{
		size_t before = enter(w, key);

		if (!json_is_string(value))
			return wrong(w, "a string");
		leave(w, before);
	}
	*ret = json_incref(j);
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): see convert_value */
static int convert_property(struct walk *w, const struct actl_oci_table *t,
			    const struct actl_oci_name *name, json_t *j, json_t *out)
{
	const ProtobufCFieldDescriptor *f;
	json_t *value = NULL;
	int r;

	if (name->field == NULL && is_harmless(name, j))
		return 0;
	if (name->field == NULL)
		return err_refuse(w->e, ERR_UNIMPLEMENTED, "%s cannot be sent to the guest",
				  w->path);
	if ((name->flags & ACTL_OCI_NOT_ZERO) && json_is_integer(j) && json_integer_value(j) == 0)
		return err_refuse(w->e, ERR_UNIMPLEMENTED,
				  "%s cannot be 0 in the guest: there it means not set", w->path);
	f = protobuf_c_message_descriptor_get_field_by_name(t->message, name->field);
	if (f == NULL)
		return err_set(w->e, -ENOENT, "%s has no field '%s'", t->message->name,
			       name->field);
	if (actl_field_is_map(f))
		r = convert_map(w, j, &value);
	else if (f->label == PROTOBUF_C_LABEL_REPEATED)
		r = convert_list(w, j, f, &value);
	else
		r = convert_value(w, j, f, &value);
	if (r == 0 && json_object_set_new(out, name->field, value) < 0)
		r = no_memory(w);
	return r;
}

/* Numbers that are not given but mean "any". */
static int add_absent(const struct walk *w, const struct actl_oci_table *t, json_t *out)
{
	for (size_t i = 0; i < t->n; i++) {
		if ((t->names[i].flags & ACTL_OCI_ANY) &&
		    json_object_get(out, t->names[i].field) == NULL &&
		    json_object_set_new(out, t->names[i].field, json_integer(-1)) < 0)
			return no_memory(w);
	}
	return 0;
}

static int check_namespace(const struct walk *w, const json_t *out)
{
	const char *type = json_string_value(json_object_get(out, "Type"));

	if (type != NULL && streq(type, "time"))
		return err_refuse(w->e, ERR_UNIMPLEMENTED,
				  "%s: a time namespace cannot be had in the guest", w->path);
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): see convert_value */
static int convert_object(struct walk *w, const json_t *j, const ProtobufCMessageDescriptor *d,
			  json_t **ret)
{
	const struct actl_oci_table *t = table_of(d);
	cleanup_json json_t *out = json_object();
	const char *key;
	json_t *value;
	int r;

	if (!json_is_object(j))
		return wrong(w, "an object");
	if (out == NULL)
		return no_memory(w);
	if (t == NULL)
		return err_set(w->e, -ENOENT, "%s: no table of %s", w->path, d->name);
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		const struct actl_oci_name *name = name_of(t, key);
		size_t before = enter(w, key);

		if (name == NULL)
			log_debug("%s is not of the runtime specification: ignored", w->path);
		r = 0;
		if (name != NULL && !json_is_null(value))
			r = convert_property(w, t, name, value, out);
		if (r < 0)
			return r;
		leave(w, before);
	}
	r = add_absent(w, t, out);
	if (r == 0 && d == &grpc__linux_namespace__descriptor)
		r = check_namespace(w, out);
	if (r == 0)
		*ret = TAKE_PTR(out);
	return r;
}

int actl_oci_convert(const json_t *config, json_t **ret, struct err *e)
{
	struct walk w = {.e = e};

	return convert_object(&w, config, &grpc__spec__descriptor, ret);
}
