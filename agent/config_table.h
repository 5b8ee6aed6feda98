/* SPDX-License-Identifier: Apache-2.0 */
/* The settings by name, shared by the two readers of configuration. Nobody else includes it. */
#pragma once

#include <stddef.h>

#include "agent/config.h"

enum config_kind {
	CONFIG_FLAG, /* bare word, or a bool */
	CONFIG_BOOL,
	CONFIG_PORT,
	CONFIG_SECONDS, /* kept as nanoseconds */
	CONFIG_SIZE,
	CONFIG_LEVEL,
	CONFIG_STRING,
};

struct config_word {
	const char *word;     /* on the command line */
	const char *file_key; /* top-level key of the file */
	enum config_kind kind;
	size_t offset; /* of the field in struct agent_config */
};

extern const struct config_word config_words[];
extern const size_t config_n_words;

/* Return: 0, or -EINVAL with the field untouched. */
int config_apply(struct agent_config *c, const struct config_word *w, const char *value) must_check;
