/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format, one field at a time, over borrowed bytes. Knows varints, fixed words and
 * length-delimited runs; groups are malformed. Pure: no allocation, no recursion.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

enum ttrpc_wire_type {
	TTRPC_WIRE_VARINT = 0,
	TTRPC_WIRE_FIXED64 = 1,
	TTRPC_WIRE_BYTES = 2,
	TTRPC_WIRE_FIXED32 = 5,
};

struct ttrpc_wire_field {
	uint32_t number;
	enum ttrpc_wire_type type;
	uint64_t value;     /* varint or fixed */
	struct slice bytes; /* length-delimited; points into the input */
};

/**
 * ttrpc_wire_next() - cut one field off the front
 * @in: what is left of the message; moved past the field
 *
 * Owns:   nothing.
 * Return: 1 with *ret filled, 0 at the end, -EBADMSG when malformed: a varint over ten bytes or 64
 *         bits, a length past the end, field number 0, a group.
 * Source: protobuf.dev "Encoding".
 */
int ttrpc_wire_next(struct slice *in, struct ttrpc_wire_field *ret) must_check;

#define TTRPC_VARINT_MAX 10
size_t ttrpc_wire_varint_size(uint64_t v);
/* Writers return the first byte after what they wrote; the caller has made room by the sizes. */
uint8_t *ttrpc_wire_put_varint(uint8_t *p, uint64_t v);
/* Tag, length and bytes of field @number (below 16). */
size_t ttrpc_wire_bytes_size(size_t n);
uint8_t *ttrpc_wire_put_bytes_head(uint8_t *p, uint32_t number, size_t n);
uint8_t *ttrpc_wire_put_bytes(uint8_t *p, uint32_t number, struct slice s);
