/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a peer to a message in an arena. protobuf-c takes strings as they come: text that is
 * not UTF-8 or hides a NUL, and nesting without end, are refused here first.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/cleanup.h"
#include "base/str.h"

struct arena;
struct err;

#define UNPACK_DEPTH_MAX 100 /* as protobuf's own decoders */

/**
 * unpack_check() - whether @payload is well-formed for @desc
 *
 * Looks at every known field, skips unknown ones. Return: 0, or -EINVAL with ERR_INVALID.
 */
int unpack_check(const ProtobufCMessageDescriptor *desc, struct slice payload,
		 struct err *e) must_check;

/**
 * unpack_message() - check, then build
 *
 * Return: the message, all of it in @arena, or NULL with @e filled: ERR_INVALID not this message,
 *         ERR_LIMIT over the arena's cap.
 */
ProtobufCMessage *unpack_message(const ProtobufCMessageDescriptor *desc, struct slice payload,
				 struct arena *arena, struct err *e) must_check;
