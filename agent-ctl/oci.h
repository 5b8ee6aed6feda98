/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCI config.json as the wire's Spec. Names are those of the runtime specification, spelt exactly;
 * types are checked as strictly. What the wire has no place for is refused, never dropped; what the
 * runtime specification does not know is ignored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent-ctl/json.h"

#define ACTL_OCI_NOT_ZERO 1U /* 0 means something, but not on the wire: there it is "not set" */
#define ACTL_OCI_ANY      2U /* a device number: absent means any, which is -1 on the wire */

struct actl_oci_name {
	const char *name;  /* in config.json */
	const char *field; /* of the message; NULL: the wire has no place for it */
	unsigned flags;
	int64_t harmless; /* without a field: the number that changes nothing; 0 and empty never do */
};

/* All that the runtime specification has in one object. */
struct actl_oci_table {
	const ProtobufCMessageDescriptor *message;
	const struct actl_oci_name *names;
	size_t n;
};

extern const struct actl_oci_table actl_oci_tables[];
extern const size_t actl_oci_n_tables;

/**
 * actl_oci_parse() - text of a config.json
 *
 * Numbers above INT64_MAX, which jansson does not read, become strings of digits.
 *
 * Owns:   the caller.
 * Return: NULL, with @e saying where the text is wrong.
 */
json_t *actl_oci_parse(const char *text, size_t n, struct err *e) must_check;

/**
 * actl_oci_convert() - the names and shape of the wire
 * @config: what actl_oci_parse returned
 * @ret:    an object that actl_json_to_message takes as a Spec
 *
 * Owns:   the caller.
 * Return: 0, or -errno; @e names the property by its path, as in linux.resources.cpu.burst.
 * Source: OCI runtime-spec 1.2, config.md and config-linux.md
 */
int actl_oci_convert(const json_t *config, json_t **ret, struct err *e) must_check;
