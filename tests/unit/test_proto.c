/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generated descriptors against tests/data/proto/fields.txt, which is written apart from the
 * .proto files. Both become sorted lists of facts, which must be equal: nothing missing, nothing
 * extra.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"
#include "tests/test.h"

#define TABLE     "tests/data/proto/fields.txt"
#define FACTS_MAX 2048
#define SEEN_MAX  256

struct facts {
	char *line[FACTS_MAX];
	size_t n;
	const void *seen[SEEN_MAX]; /* descriptors already walked or waiting */
	size_t n_seen, n_walked;
};

static struct facts table, built;

static void add(struct facts *f, char *line)
{
	assert_non_null(line);
	assert_true(f->n < FACTS_MAX);
	f->line[f->n++] = line;
}

#define ADDF(f, ...)                                                                               \
	do {                                                                                       \
		struct str s_ = STR_INIT(1024);                                                    \
		(void)str_addf(&s_, __VA_ARGS__);                                                  \
		add(f, str_take(&s_));                                                             \
	} while (0)

static void see(struct facts *f, const void *descriptor)
{
	for (size_t i = 0; i < f->n_seen; i++) {
		if (f->seen[i] == descriptor)
			return;
	}
	assert_true(f->n_seen < SEEN_MAX);
	f->seen[f->n_seen++] = descriptor;
}

static const char *scalar_name(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
		return "int32";
	case PROTOBUF_C_TYPE_INT64:
		return "int64";
	case PROTOBUF_C_TYPE_UINT32:
		return "uint32";
	case PROTOBUF_C_TYPE_UINT64:
		return "uint64";
	case PROTOBUF_C_TYPE_BOOL:
		return "bool";
	case PROTOBUF_C_TYPE_STRING:
		return "string";
	case PROTOBUF_C_TYPE_BYTES:
		return "bytes";
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	return "another type";
}

static void enum_facts(struct facts *f, const ProtobufCEnumDescriptor *d)
{
	for (size_t i = 0; i < f->n_seen; i++) {
		if (f->seen[i] == d)
			return;
	}
	/* Enums are written at once, so they only need to be remembered. */
	see(f, d);
	for (unsigned i = 0; i < d->n_values; i++)
		ADDF(f, "enum %s %s %d", d->name, d->values[i].name, d->values[i].value);
}

static const char *type_name(struct facts *f, const ProtobufCFieldDescriptor *field, char *buf,
			     size_t size)
{
	const ProtobufCMessageDescriptor *m;
	const ProtobufCEnumDescriptor *d;
	char value[128];

	if (field->type == PROTOBUF_C_TYPE_ENUM) {
		d = field->descriptor;
		enum_facts(f, d);
		(void)snprintf(buf, size, "enum:%s", d->name);
		return buf;
	}
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return scalar_name(field->type);
	m = field->descriptor;
	if (!str_ends(m->name, "Entry") || m->n_fields != 2 || !streq(m->fields[0].name, "key")) {
		see(f, m);
		return m->name;
	}
	/* A map: its entries are messages of one key and one value; no map holds maps. */
	if (m->fields[1].type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessageDescriptor *v = m->fields[1].descriptor;

		see(f, v);
		(void)snprintf(value, sizeof(value), "%s", v->name);
	} else {
		(void)snprintf(value, sizeof(value), "%s", scalar_name(m->fields[1].type));
	}
	(void)snprintf(buf, size, "map<%s,%s>", scalar_name(m->fields[0].type), value);
	return buf;
}

static void message_facts(struct facts *f, const ProtobufCMessageDescriptor *m)
{
	ADDF(f, "message %s", m->name);
	for (unsigned i = 0; i < m->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &m->fields[i];
		const char *label = "single";
		char type[256];

		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			label = "repeated";
		else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			label = "optional";
		else if (field->label != PROTOBUF_C_LABEL_NONE)
			label = "not proto3";
		ADDF(f, "field %s %s %u %s %s", m->name, field->name, field->id, label,
		     type_name(f, field, type, sizeof(type)));
	}
}

static void service_facts(struct facts *f, const ProtobufCServiceDescriptor *s)
{
	for (unsigned i = 0; i < s->n_methods; i++) {
		const ProtobufCMethodDescriptor *m = &s->methods[i];

		ADDF(f, "method %s %s %s %s", s->name, m->name, m->input->name, m->output->name);
		see(f, m->input);
		see(f, m->output);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_message(const void *descriptor)
{
	return *(const uint32_t *)descriptor == PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
}

static void load(void)
{
	cleanup_fclose FILE *in = NULL;
	char line[512];

	if (built.n != 0)
		return;
	service_facts(&built, &grpc__agent_service__descriptor);
	service_facts(&built, &grpc__health__descriptor);
	for (; built.n_walked < built.n_seen; built.n_walked++) {
		if (is_message(built.seen[built.n_walked]))
			message_facts(&built, built.seen[built.n_walked]);
	}
	in = fopen(TABLE, "re");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && line[0] != '\0')
			add(&table, strdup(line));
	}
	qsort(table.line, table.n, sizeof(table.line[0]), compare);
	qsort(built.line, built.n, sizeof(built.line[0]), compare);
}

static size_t count(const struct facts *f, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += str_starts(f->line[i], prefix);
	return n;
}

static size_t missing(const struct facts *from, const struct facts *in, const char *where)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		if (bsearch(&from->line[i], in->line, in->n, sizeof(in->line[0]), compare) != NULL)
			continue;
		print_message("# not in %s: %s\n", where, from->line[i]);
		n++;
	}
	return n;
}

TEST(everything_in_the_table_is_declared)
{
	load();
	CHECK_INT(missing(&table, &built, "the .proto files"), 0);
}

TEST(everything_declared_is_in_the_table)
{
	load();
	CHECK_INT(missing(&built, &table, "the table"), 0);
	CHECK_INT(built.n, table.n);
}

TEST(the_agent_has_42_methods_and_health_2)
{
	load();
	CHECK_INT(count(&built, "method grpc.AgentService "), 42);
	CHECK_INT(count(&built, "method grpc.Health "), 2);
	CHECK_INT(count(&built, "method "), 44);
}

static size_t declared_in(const char *path)
{
	cleanup_fclose FILE *in = fopen(path, "re");
	char line[512], name[128];
	size_t n = 0;

	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL)
		n += sscanf(line, " message %127s {", name) == 1;
	return n;
}

TEST(no_message_is_declared_that_no_method_reaches)
{
	load();
	CHECK_INT(declared_in("proto/agent.proto") + declared_in("proto/oci.proto") +
			  declared_in("proto/types.proto") + declared_in("proto/csi.proto") +
			  declared_in("proto/health.proto") +
			  declared_in("proto/google/protobuf/empty.proto"),
		  count(&table, "message "));
}
