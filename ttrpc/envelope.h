/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two messages that ttRPC itself defines, as slices of the frame they came in. The payload
 * inside is left alone. Pure: no allocation, no protobuf library.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

struct err;

struct ttrpc_request {
	struct slice service, method; /* valid UTF-8 without NUL */
	struct slice payload;
	int64_t timeout_nano; /* relative; 0: none; negative: already over */
};

struct ttrpc_response {
	int32_t code;         /* 0: success, also when there was no status at all */
	struct slice message; /* valid UTF-8 */
	struct slice payload;
};

/**
 * ttrpc_request_decode() - a Request message
 * @in: the frame's payload; *ret points into it
 *
 * Metadata is checked (it must be well-formed, with valid UTF-8) and dropped. Unknown fields are
 * skipped, the last of a repeated singular field wins.
 *
 * Owns:   nothing.
 * Return: 0, or -EINVAL (ERR_INVALID) with words for the peer.
 */
int ttrpc_request_decode(struct slice in, struct ttrpc_request *ret, struct err *e) must_check;
size_t ttrpc_request_size(const struct ttrpc_request *r);
void ttrpc_request_encode(const struct ttrpc_request *r, uint8_t *p);

/* The same for a Response; a status that comes in parts is merged. */
int ttrpc_response_decode(struct slice in, struct ttrpc_response *ret, struct err *e) must_check;

/* A success is the empty status, then the payload if there is any: what Rust servers send. Writes
 * all but the payload's bytes. Return: the place for them. */
size_t ttrpc_response_ok_size(size_t payload_n);
uint8_t *ttrpc_response_ok_head(uint8_t *p, size_t payload_n);
/* A failure is the status alone: Go clients read the payload before they look at the status. */
size_t ttrpc_response_error_size(uint32_t code, size_t text_n);
void ttrpc_response_error_encode(uint8_t *p, uint32_t code, struct slice text);
