/* SPDX-License-Identifier: Apache-2.0 */
/* Any method with any fields, and what methods and fields there are. */
#include <stdio.h>
#include <string.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "agent-ctl/json.h"
#include "agent-ctl/keyval.h"
#include "agent-ctl/print.h"

static int add_word(json_t *root, const ProtobufCMessageDescriptor *d, const char *word,
		    struct err *e)
{
	json_error_t at;
	json_t *j;

	if (word[0] != '{')
		return actl_keyval_set(root, d, word, e);
	j = json_loads(word, JSON_REJECT_DUPLICATES, &at);
	if (j == NULL)
		return err_refuse(e, ERR_INVALID, "JSON: %s at line %d, column %d", at.text,
				  at.line, at.column);
	(void)json_object_update(root, j);
	json_decref(j);
	return 0;
}

int cmd_call(struct actl *a, int argc, char **argv)
{
	cleanup_json json_t *root = json_object();
	cleanup_message ProtobufCMessage *in = NULL;
	struct actl_method m;
	struct err e = {0};
	int r = 0;

	if (argc < 2)
		return actl_usage("call");
	if (actl_method_find(argv[1], &m) < 0)
		return actl_say(ACTL_USAGE, "no method '%s'; `pith-ctl list` shows all", argv[1]);
	for (int i = 2; r == 0 && i < argc; i++)
		r = add_word(root, m.d->input, argv[i], &e);
	if (r == 0)
		r = actl_json_to_message(root, m.d->input, &in, &e);
	if (r < 0)
		return actl_say_err(ACTL_USAGE, &e);
	return actl_call_print(a, m.d->name, in);
}

int cmd_list(struct actl *a, int argc, char **argv unused_arg)
{
	cleanup_json json_t *all = json_array();
	struct actl_method m;
	size_t it = 0;

	if (argc != 1)
		return actl_usage("list");
	while (actl_method_next(&it, &m)) {
		if (!a->json)
			(void)printf("%s.%s(%s) -> %s\n", m.service, m.d->name, m.d->input->name,
				     m.d->output->name);
		else if (json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "service",
							      m.service, "method", m.d->name,
							      "request", m.d->input->name,
							      "response", m.d->output->name)) < 0)
			return actl_say(ACTL_FAILED, "no memory");
	}
	return a->json ? actl_print_json(all, true) : ACTL_OK;
}

/* ---- describe ---- */

#define KNOWN_MAX 256

struct known {
	const ProtobufCMessageDescriptor *d[KNOWN_MAX];
	size_t n;
};

static void know(struct known *k, const ProtobufCMessageDescriptor *d)
{
	for (size_t i = 0; i < k->n; i++) {
		if (k->d[i] == d)
			return;
	}
	if (k->n < KNOWN_MAX)
		k->d[k->n++] = d;
}

/* Every message that any method reaches; each is visited once. */
static void know_all(struct known *k)
{
	struct actl_method m;
	size_t it = 0;

	while (actl_method_next(&it, &m)) {
		know(k, m.d->input);
		know(k, m.d->output);
	}
	for (size_t i = 0; i < k->n; i++) {
		for (unsigned f = 0; f < k->d[i]->n_fields; f++) {
			if (k->d[i]->fields[f].type == PROTOBUF_C_TYPE_MESSAGE)
				know(k, k->d[i]->fields[f].descriptor);
		}
	}
}

static const char *type_text(const ProtobufCFieldDescriptor *f)
{
	static const char *const scalars[] = {
		[PROTOBUF_C_TYPE_INT32] = "int32",   [PROTOBUF_C_TYPE_INT64] = "int64",
		[PROTOBUF_C_TYPE_UINT32] = "uint32", [PROTOBUF_C_TYPE_UINT64] = "uint64",
		[PROTOBUF_C_TYPE_BOOL] = "bool",     [PROTOBUF_C_TYPE_STRING] = "string",
		[PROTOBUF_C_TYPE_BYTES] = "bytes",
	};

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
	if (f->type == PROTOBUF_C_TYPE_ENUM)
		return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
	if ((size_t)f->type < ARRAY_LEN(scalars) && scalars[f->type] != NULL)
		return scalars[f->type];
	return "?";
}

static void describe_message(const ProtobufCMessageDescriptor *d)
{
	(void)printf("%s {\n", d->name);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const ProtobufCMessageDescriptor *entry = f->descriptor;
		const char *label = "";

		if (actl_field_is_map(f)) {
			(void)printf("\tmap<%s, %s> %s = %u\n", type_text(&entry->fields[0]),
				     type_text(&entry->fields[1]), f->name, f->id);
			continue;
		}
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			label = "repeated ";
		else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			label = "optional ";
		(void)printf("\t%s%s %s = %u\n", label, type_text(f), f->name, f->id);
		if (f->type == PROTOBUF_C_TYPE_ENUM) {
			const ProtobufCEnumDescriptor *v = f->descriptor;

			for (unsigned k = 0; k < v->n_values; k++)
				(void)printf("\t\t%s = %d\n", v->values[k].name,
					     v->values[k].value);
		}
	}
	(void)printf("}\n");
}

int cmd_describe(struct actl *a unused_arg, int argc, char **argv)
{
	struct known k = {.n = 0};
	struct actl_method m;

	if (argc != 2)
		return actl_usage("describe");
	if (actl_method_find(argv[1], &m) == 0) {
		(void)printf("rpc %s.%s(%s) returns (%s)\n\n", m.service, m.d->name,
			     m.d->input->name, m.d->output->name);
		describe_message(m.d->input);
		if (m.d->output->n_fields > 0)
			describe_message(m.d->output);
		return ACTL_OK;
	}
	know_all(&k);
	for (size_t i = 0; i < k.n; i++) {
		if (streq(k.d[i]->name, argv[1]) || streq(k.d[i]->short_name, argv[1])) {
			describe_message(k.d[i]);
			return ACTL_OK;
		}
	}
	return actl_say(ACTL_USAGE, "no method or message '%s'", argv[1]);
}
