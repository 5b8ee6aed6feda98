/* SPDX-License-Identifier: Apache-2.0 */
/* Command line words that set fields of a message: container_id=c1, OCI.Process.Args[0]=sh. */
#pragma once

#include "agent-ctl/json.h"

/**
 * actl_keyval_set() - one word into the JSON of a message
 * @root: object for a message of type @d; changed
 * @word: PATH=VALUE. PATH is field names joined by dots, [N] for the Nth of a list (N may be one past
 *        the end), .KEY for an entry of a map. A list without [N] grows by the value. VALUE is text;
 *        JSON for a message and, when it starts with '[', for a list; @FILE or text for bytes.
 *
 * Return: 0, or -errno with words that name the part at fault.
 */
int actl_keyval_set(json_t *root, const ProtobufCMessageDescriptor *d, const char *word,
		    struct err *e) must_check;
