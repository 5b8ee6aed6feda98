/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON object a line, with the keys that a Kata host reads: ts, level (CRIT ERRO WARN INFO DEBG
 * TRCE), msg, version, subsystem, pid, name, source, then flat string members. Never blocks: a full
 * sink drops the line and counts it. No malloc. Values are escaped by the core, so a newline in a
 * container id cannot forge a line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum log_level {
	LOG_CRIT_LEVEL,
	LOG_ERROR_LEVEL,
	LOG_WARN_LEVEL,
	LOG_INFO_LEVEL,
	LOG_DEBUG_LEVEL,
	LOG_TRACE_LEVEL,
};

enum log_format {
	LOG_JSON,  /* default */
	LOG_PLAIN, /* "name: level: msg key=value": for commands run by people */
};

/* Every .c that logs defines LOG_MODULE (the "subsystem") before including this header. */
#ifndef LOG_MODULE
#	define LOG_MODULE "root"
#endif

struct log_sink {
	/* Writes one whole line; Return: 0, or -errno when the line was dropped. Must not block or log. */
	int (*write)(void *data, const char *line, size_t n);
	void *data;
};

/* @name goes into "name" (kata-agent for the agent: hosts look for it), @source into "source". Borrowed for ever. */
void log_setup(const char *name, const char *source, enum log_format format);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_set_sink(const struct log_sink *sink); /* copied; NULL: stderr */
uint64_t log_dropped(void);
int log_level_parse(const char *word, enum log_level *ret)
	must_check; /* Kata's words, guest-boot: fatal panic critical error warn warning info debug trace */

/* Context members added to every line while in scope, e.g. ("container-id", id). Borrowed. At most 8 deep. */
struct log_ctx {
	const char *key, *value;
	struct log_ctx *prev;
	bool pushed;
};
void log_ctx_push(struct log_ctx *c, const char *key, const char *value);
void log_ctx_pop(struct log_ctx *c);
#define log_scope(var, k, v)                                                                       \
	__attribute__((cleanup(log_ctx_pop))) struct log_ctx var;                                  \
	log_ctx_push(&var, k, v)

void log_line(enum log_level level, const char *module, const char *fmt, ...) printf_fmt(3, 4);

#define log_crit(...)  log_line(LOG_CRIT_LEVEL, LOG_MODULE, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR_LEVEL, LOG_MODULE, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN_LEVEL, LOG_MODULE, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO_LEVEL, LOG_MODULE, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG_LEVEL, LOG_MODULE, __VA_ARGS__)
#define log_trace(...) log_line(LOG_TRACE_LEVEL, LOG_MODULE, __VA_ARGS__)
