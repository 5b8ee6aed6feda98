/* SPDX-License-Identifier: Apache-2.0 */
/* The ten bytes in front of every ttRPC message: length, stream, type, flags. Pure; no socket here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TTRPC_HEADER_SIZE 10
/* Largest payload, header not counted; exactly this much is legal. */
#define TTRPC_PAYLOAD_MAX ((uint32_t)4 << 20)
/* A length of 16 MiB or more comes from something that does not speak ttRPC. */
#define TTRPC_LENGTH_ABSURD ((uint32_t)1 << 24)

enum ttrpc_frame_type {
	TTRPC_REQUEST = 0x01,
	TTRPC_RESPONSE = 0x02,
	TTRPC_DATA = 0x03,
};

#define TTRPC_FLAG_REMOTE_CLOSED 0x01

struct ttrpc_header {
	uint32_t length; /* of the payload */
	uint32_t stream;
	uint8_t type; /* enum ttrpc_frame_type, or anything else a peer may send */
	uint8_t flags;
};

void ttrpc_header_decode(const uint8_t p[static TTRPC_HEADER_SIZE], struct ttrpc_header *ret);
void ttrpc_header_encode(const struct ttrpc_header *h, uint8_t p[static TTRPC_HEADER_SIZE]);
