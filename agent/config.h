/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings from the kernel command line, a configuration file and the environment, with Kata's
 * words and precedence. A word that cannot be understood keeps its default and is logged; only a
 * configuration file that was named and cannot be read is fatal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"

struct err;

#define AGENT_DEFAULT_ADDR "vsock://-1:1024"

struct agent_config {
	struct arena arena; /* holds the strings */
	const char *server_addr;
	enum log_level log_level;
	uint32_t log_vport;           /* 0: standard output */
	uint32_t debug_console_vport; /* 0: /dev/console */
	bool debug_console;
	uint64_t hotplug_timeout_ns;
	uint32_t container_pipe_size; /* bytes, 0: the kernel's default */
	bool seccomp_default;         /* a spec without a profile gets the built-in one */
	const char **allowed;         /* [endpoints] allowed: request message names */
	size_t n_allowed;
	bool has_allowed; /* the table exists: anything not listed is refused */
};

/* Defaults. The arena is empty; agent_config_done frees it. */
void agent_config_init(struct agent_config *c);
void agent_config_done(struct agent_config *c);

/* The words of a kernel command line, left to right; the last occurrence of a word wins.
 * @ret_file: the value of agent.config_file in @c's arena, or NULL: then the file alone counts. */
void agent_config_parse_cmdline(struct agent_config *c, const char *text, const char **ret_file);
/* The text of a configuration file (the subset of TOML that Kata's samples use). */
void agent_config_parse_file(struct agent_config *c, const char *text);
/* KATA_AGENT_SERVER_ADDR, KATA_AGENT_LOG_LEVEL. @get: getenv, or a test's own. */
void agent_config_parse_env(struct agent_config *c, char *(*get)(const char *name));

/**
 * agent_config_load() - everything, in Kata's order
 * @file: --config, or NULL: @cmdline_path is read (/proc/cmdline)
 *
 * Return: 0, or negative errno when a named file cannot be read.
 */
int agent_config_load(struct agent_config *c, const char *file, const char *cmdline_path,
		      struct err *e) must_check;
