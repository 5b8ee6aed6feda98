/* SPDX-License-Identifier: Apache-2.0 */
/* The checking walk over the wire format, and protobuf-c on an arena. */
#include "agent/unpack.h"

#include "base/arena.h"
#include "base/err.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

static int take_varint(struct slice *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10; i++) {
		uint8_t b;

		if (s->n == 0)
			return -EINVAL;
		b = (uint8_t)*s->p;
		s->p++;
		s->n--;
		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if ((b & 0x80) == 0) {
			*ret = v;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_bytes(struct slice *s, uint64_t n, struct slice *ret)
{
	if (n > s->n)
		return -EINVAL;
	*ret = (struct slice){s->p, (size_t)n};
	s->p += n;
	s->n -= (size_t)n;
	return 0;
}

/* One field: its number and wire type, and for WIRE_BYTES what is inside. */
static int take_field(struct slice *s, uint32_t *number, unsigned *type, struct slice *inside)
{
	uint64_t key, v;

	if (take_varint(s, &key) < 0 || key > UINT32_MAX || key >> 3 == 0)
		return -EINVAL;
	*number = (uint32_t)(key >> 3);
	*type = (unsigned)(key & 7);
	switch (*type) {
	case WIRE_VARINT:
		return take_varint(s, &v);
	case WIRE_FIXED64:
		return take_bytes(s, 8, inside);
	case WIRE_FIXED32:
		return take_bytes(s, 4, inside);
	case WIRE_BYTES:
		if (take_varint(s, &v) < 0)
			return -EINVAL;
		return take_bytes(s, v, inside);
	default: /* groups are not of this protocol */
		return -EINVAL;
	}
}

/* A message that is being looked through: what it is and what is left of it. */
struct level {
	const ProtobufCMessageDescriptor *desc;
	struct slice rest;
};

/* One field of the innermost message. Return: 1 when *ret is a message inside it, 0, -errno. */
static int check_field(struct level *l, struct level *ret, struct err *e)
{
	const ProtobufCFieldDescriptor *f;
	struct slice inside = {NULL, 0};
	unsigned type;
	uint32_t number;

	if (take_field(&l->rest, &number, &type, &inside) < 0)
		return err_refuse(e, ERR_INVALID, "%s: malformed message", l->desc->short_name);
	f = protobuf_c_message_descriptor_get_field(l->desc, number);
	if (f == NULL || type != WIRE_BYTES)
		return 0;
	if (f->type == PROTOBUF_C_TYPE_STRING &&
	    (!str_is_utf8(inside.p, inside.n) ||
	     (inside.n > 0 && memchr(inside.p, '\0', inside.n) != NULL)))
		return err_refuse(e, ERR_INVALID, "%s: field %s is not valid text",
				  l->desc->short_name, f->name);
	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return 0;
	*ret = (struct level){f->descriptor, inside};
	return 1;
}

int unpack_check(const ProtobufCMessageDescriptor *desc, struct slice payload, struct err *e)
{
	struct level stack[UNPACK_DEPTH_MAX] = {{desc, payload}};
	size_t depth = 1;

	while (depth > 0) {
		struct level *l = &stack[depth - 1], next;
		int r;

		if (l->rest.n == 0) {
			depth--;
			continue;
		}
		r = check_field(l, &next, e);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (depth == UNPACK_DEPTH_MAX)
			return err_refuse(e, ERR_INVALID, "%s: nested too deep",
					  next.desc->short_name);
		stack[depth++] = next;
	}
	return 0;
}

struct arena_allocator {
	struct arena *arena;
	bool failed;
};

static void *alloc_in_arena(void *data, size_t n)
{
	struct arena_allocator *a = data;
	void *p = arena_alloc(a->arena, n > 0 ? n : 1);

	if (p == NULL)
		a->failed = true;
	return p;
}

static void free_nothing(unused_arg void *data, unused_arg void *p)
{
	/* the arena goes as a whole */
}

ProtobufCMessage *unpack_message(const ProtobufCMessageDescriptor *desc, struct slice payload,
				 struct arena *arena, struct err *e)
{
	struct arena_allocator a = {.arena = arena};
	ProtobufCAllocator allocator = {alloc_in_arena, free_nothing, &a};
	ProtobufCMessage *msg;

	if (unpack_check(desc, payload, e) < 0)
		return NULL;
	msg = protobuf_c_message_unpack(desc, &allocator, payload.n, (const uint8_t *)payload.p);
	if (msg == NULL && a.failed)
		(void)!err_refuse(e, ERR_LIMIT,
				  "%s: needs more than the %zu bytes a request may use",
				  desc->short_name, arena->max);
	else if (msg == NULL)
		(void)!err_refuse(e, ERR_INVALID, "%s: malformed message", desc->short_name);
	return msg;
}
