/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf fields to and from bytes. Every length comes from a peer and is checked before use. */
#include "ttrpc/wire.h"

#include <errno.h>

static int take_varint(struct slice *in, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < TTRPC_VARINT_MAX; i++) {
		uint8_t b;

		if (i == in->n)
			return -EBADMSG;
		b = (uint8_t)in->p[i];
		/* The tenth byte carries bit 63 only. */
		if (i == TTRPC_VARINT_MAX - 1 && b > 1)
			return -EBADMSG;
		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if ((b & 0x80) == 0) {
			in->p += i + 1;
			in->n -= i + 1;
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

static int take_fixed(struct slice *in, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (in->n < n)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)in->p[i] << (8 * i);
	in->p += n;
	in->n -= n;
	*ret = v;
	return 0;
}

static int take_bytes(struct slice *in, struct slice *ret)
{
	uint64_t n;

	if (take_varint(in, &n) < 0 || n > in->n)
		return -EBADMSG;
	*ret = (struct slice){.p = in->p, .n = (size_t)n};
	in->p += n;
	in->n -= (size_t)n;
	return 0;
}

int ttrpc_wire_next(struct slice *in, struct ttrpc_wire_field *ret)
{
	struct ttrpc_wire_field f = {0};
	uint64_t tag;
	int r;

	if (in->n == 0)
		return 0;
	if (take_varint(in, &tag) < 0 || tag > UINT32_MAX || tag >> 3 == 0)
		return -EBADMSG;
	f.number = (uint32_t)(tag >> 3);
	f.type = (enum ttrpc_wire_type)(tag & 7);
	switch (f.type) {
	case TTRPC_WIRE_VARINT:
		r = take_varint(in, &f.value);
		break;
	case TTRPC_WIRE_FIXED64:
		r = take_fixed(in, 8, &f.value);
		break;
	case TTRPC_WIRE_BYTES:
		r = take_bytes(in, &f.bytes);
		break;
	case TTRPC_WIRE_FIXED32:
		r = take_fixed(in, 4, &f.value);
		break;
	default: /* groups and the two unassigned types */
		r = -EBADMSG;
		break;
	}
	if (r < 0)
		return r;
	*ret = f;
	return 1;
}

size_t ttrpc_wire_varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >= 0x80) {
		v >>= 7;
		n++;
	}
	return n;
}

uint8_t *ttrpc_wire_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

size_t ttrpc_wire_bytes_size(size_t n)
{
	return 1 + ttrpc_wire_varint_size(n) + n;
}

uint8_t *ttrpc_wire_put_bytes_head(uint8_t *p, uint32_t number, size_t n)
{
	*p++ = (uint8_t)(number << 3 | TTRPC_WIRE_BYTES);
	return ttrpc_wire_put_varint(p, n);
}

uint8_t *ttrpc_wire_put_bytes(uint8_t *p, uint32_t number, struct slice s)
{
	p = ttrpc_wire_put_bytes_head(p, number, s.n);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p + s.n;
}
