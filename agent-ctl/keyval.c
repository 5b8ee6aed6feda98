/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a path through descriptors and JSON at once, making what is not there yet. */
#include "agent-ctl/keyval.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent-ctl/base64.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"

/* A payload holds 4 MiB; a larger file cannot be sent in one message anyway. */
#define FILE_MAX ((size_t)4 << 20)
#define NO_INDEX SIZE_MAX

struct step {
	const ProtobufCFieldDescriptor *field;
	struct slice key; /* of a map */
	size_t index;     /* NO_INDEX: none given */
	const char *rest; /* behind the name, index and key: '.' or '=' */
};

static int bad_path(const char *word, const char *why, struct err *e)
{
	return err_refuse(e, ERR_INVALID, "'%s': %s", word, why);
}

static int take_step(const ProtobufCMessageDescriptor *d, const char *at, const char *word,
		     struct step *ret, struct err *e)
{
	size_t n = strcspn(at, ".[=");
	struct step s = {.field = actl_field_find(d, at, n), .index = NO_INDEX};

	if (s.field == NULL)
		return err_refuse(e, ERR_INVALID, "%s has no field '%.*s'", d->short_name, (int)n,
				  at);
	at += n;
	if (*at == '[') {
		struct slice number = {at + 1, strcspn(at + 1, "]")};
		uint64_t v;

		if (s.field->label != PROTOBUF_C_LABEL_REPEATED || actl_field_is_map(s.field))
			return bad_path(word, "[N] behind a field that is not a list", e);
		if (parse_slice_u64(number, &v) < 0 || v >= UINT32_MAX || number.p[number.n] != ']')
			return bad_path(word, "the index is not a number", e);
		s.index = (size_t)v;
		at += number.n + 2;
	} else if (actl_field_is_map(s.field) && *at == '.') {
		/* Keys of our maps (annotations, sysctls) contain dots: it goes up to the '='. */
		s.key = (struct slice){at + 1, strcspn(at + 1, "=")};
		at += s.key.n + 1;
	}
	if (*at != '.' && *at != '=')
		return bad_path(word, "not FIELD=VALUE", e);
	s.rest = at;
	*ret = s;
	return 0;
}

static int file_value(const char *path, json_t **ret, struct err *e)
{
	cleanup_free char *data = malloc(FILE_MAX);
	cleanup_free char *text = NULL;
	ssize_t n;

	if (data == NULL)
		return err_set(e, -ENOMEM, "read '%s'", path);
	n = fd_read_file(AT_FDCWD, path, data, FILE_MAX);
	if (n < 0)
		return err_set(e, (int)n, "read '%s'", path);
	text = actl_base64_encode(data, (size_t)n);
	*ret = text != NULL ? json_string(text) : NULL;
	return 0;
}

static int json_value(const char *text, json_t **ret, struct err *e)
{
	json_error_t at;

	*ret = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
	if (*ret == NULL)
		return err_refuse(e, ERR_INVALID, "JSON value: %s at column %d", at.text,
				  at.column);
	return 0;
}

/* Owns: the caller owns *ret. */
static int leaf(const ProtobufCFieldDescriptor *f, const char *text, json_t **ret, struct err *e)
{
	cleanup_free char *encoded = NULL;
	int r = 0;

	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		r = json_value(text, ret, e);
	} else if (f->type != PROTOBUF_C_TYPE_BYTES) {
		*ret = json_string(text);
	} else if (text[0] == '@') {
		r = file_value(text + 1, ret, e);
	} else {
		encoded = actl_base64_encode(text, strlen(text));
		*ret = encoded != NULL ? json_string(encoded) : NULL;
	}
	if (r == 0 && *ret == NULL)
		return err_refuse(e, ERR_INVALID, "the value of '%s' is not valid UTF-8", f->name);
	return r;
}

static json_t *get_or_make(json_t *object, const char *name, bool is_list)
{
	json_t *j = json_object_get(object, name);

	if (j != NULL)
		return j;
	if (json_object_set_new(object, name, is_list ? json_array() : json_object()) < 0)
		return NULL;
	return json_object_get(object, name);
}

/* Takes @value. */
static int set_in_list(json_t *list, size_t index, json_t *value, const char *word, struct err *e)
{
	size_t n = json_array_size(list);

	if (index == NO_INDEX)
		index = n;
	if (index > n || !json_is_array(list)) {
		json_decref(value);
		return bad_path(word, "the list is shorter than the index", e);
	}
	if (index < n ? json_array_set_new(list, index, value) : json_array_append_new(list, value))
		return err_set(e, -ENOMEM, "set '%s'", word);
	return 0;
}

/* The value at the end of the path. */
static int set_leaf(json_t *object, const struct step *s, const char *word, struct err *e)
{
	const char *text = s->rest + 1;
	bool is_list = s->field->label == PROTOBUF_C_LABEL_REPEATED;
	const ProtobufCMessageDescriptor *entry = s->field->descriptor;
	cleanup_free char *key = NULL;
	json_t *into, *value = NULL;
	int r;

	if (is_list && s->key.p == NULL && s->index == NO_INDEX &&
	    (text[0] == '[' || actl_field_is_map(s->field))) {
		r = json_value(text, &value, e);
		if (r == 0 && json_object_set_new(object, s->field->name, value) < 0)
			r = err_set(e, -ENOMEM, "set '%s'", word);
		return r;
	}
	r = leaf(s->key.p != NULL ? &entry->fields[1] : s->field, text, &value, e);
	if (r < 0)
		return r;
	if (!is_list) {
		if (json_object_set_new(object, s->field->name, value) < 0)
			return err_set(e, -ENOMEM, "set '%s'", word);
		return 0;
	}
	into = get_or_make(object, s->field->name, s->key.p == NULL);
	if (s->key.p == NULL)
		return set_in_list(into, s->index, value, word, e);
	key = strndup(s->key.p, s->key.n);
	if (key == NULL || json_object_set_new(into, key, value) < 0)
		return err_set(e, -ENOMEM, "set '%s'", word);
	return 0;
}

/* The object that the next part of the path is about. */
static int descend(json_t **object, const struct step *s, const char *word, struct err *e)
{
	json_t *next;

	if (s->field->type != PROTOBUF_C_TYPE_MESSAGE)
		return bad_path(word, "a plain field has no parts", e);
	if (s->field->label != PROTOBUF_C_LABEL_REPEATED) {
		next = get_or_make(*object, s->field->name, false);
	} else if (s->index == NO_INDEX) {
		return bad_path(word, "a list needs [N] before its parts", e);
	} else {
		json_t *list = get_or_make(*object, s->field->name, true);

		next = json_array_get(list, s->index);
		if (next == NULL) {
			int r = set_in_list(list, s->index, json_object(), word, e);

			if (r < 0)
				return r;
			next = json_array_get(list, s->index);
		}
	}
	if (!json_is_object(next))
		return bad_path(word, "a part of the path is not an object", e);
	*object = next;
	return 0;
}

int actl_keyval_set(json_t *root, const ProtobufCMessageDescriptor *d, const char *word,
		    struct err *e)
{
	const char *at = word;
	struct step s = {0};
	int r;

	for (;;) {
		r = take_step(d, at, word, &s, e);
		if (r < 0)
			return r;
		if (*s.rest == '=')
			return set_leaf(root, &s, word, e);
		r = descend(&root, &s, word, e);
		if (r < 0)
			return r;
		d = s.field->descriptor;
		at = s.rest + 1;
	}
}
