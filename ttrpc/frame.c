/* SPDX-License-Identifier: Apache-2.0 */
/* Frame header to and from bytes. Never looks at a payload. */
#include "ttrpc/frame.h"

static uint32_t be32_load(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void be32_store(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void ttrpc_header_decode(const uint8_t p[static TTRPC_HEADER_SIZE], struct ttrpc_header *ret)
{
	ret->length = be32_load(p);
	ret->stream = be32_load(p + 4);
	ret->type = p[8];
	ret->flags = p[9];
}

void ttrpc_header_encode(const struct ttrpc_header *h, uint8_t p[static TTRPC_HEADER_SIZE])
{
	be32_store(p, h->length);
	be32_store(p + 4, h->stream);
	p[8] = h->type;
	p[9] = h->flags;
}
