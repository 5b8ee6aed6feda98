/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and JSON on standard output: one line of JSON for scripts, indented text for people. */
#pragma once

#include <stdbool.h>

#include "agent-ctl/json.h"

/* Prints all of @m; nothing at all for an empty message as text. Return: an exit code. */
int actl_print_message(const ProtobufCMessage *m, bool as_json) must_check;
int actl_print_json(const json_t *j, bool as_json) must_check;
/* Bytes as people read them: 512, 1.5K, 20M. @buf holds at least 16 bytes. Return: @buf. */
const char *actl_size_text(uint64_t n, char *buf, size_t size);
