/* SPDX-License-Identifier: Apache-2.0 */
/* The log core: formats one line on the stack and hands it to the sink. Never blocks, never fails. */
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <time.h>

#include "base/str.h"
#include "base/table.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: a line is written whole or not at all, pipe(7) */
#define TAIL_MAX_BYTES 1536
#define VALUE_MAX      256
#define CTX_MAX        8

static struct {
	const char *name, *source;
	enum log_format format;
	enum log_level level;
	struct log_sink sink;
	struct log_ctx *ctx;
	unsigned n_ctx;
	uint64_t dropped;
} logger = {.name = "pith", .source = "pith", .level = LOG_INFO_LEVEL};

void log_setup(const char *name, const char *source, enum log_format format)
{
	logger.name = name;
	logger.source = source;
	logger.format = format;
}

void log_set_level(enum log_level level)
{
	logger.level = level;
}

enum log_level log_get_level(void)
{
	return logger.level;
}

void log_set_sink(const struct log_sink *sink)
{
	logger.sink = sink != NULL ? *sink : (struct log_sink){0};
}

uint64_t log_dropped(void)
{
	return logger.dropped;
}

int log_level_parse(const char *word, enum log_level *ret)
{
	static const struct table_entry words[] = {
		{"critical", LOG_CRIT_LEVEL}, {"debug", LOG_DEBUG_LEVEL},
		{"error", LOG_ERROR_LEVEL},   {"fatal", LOG_CRIT_LEVEL},
		{"info", LOG_INFO_LEVEL},     {"panic", LOG_CRIT_LEVEL},
		{"trace", LOG_TRACE_LEVEL},   {"warn", LOG_WARN_LEVEL},
		{"warning", LOG_WARN_LEVEL},
	};
	const struct table_entry *found = table_find(words, ARRAY_LEN(words), word);

	if (found == NULL)
		return -EINVAL;
	*ret = (enum log_level)found->value;
	return 0;
}

void log_ctx_push(struct log_ctx *c, const char *key, const char *value)
{
	*c = (struct log_ctx){key, value, logger.ctx, logger.n_ctx < CTX_MAX};
	if (c->pushed) {
		logger.ctx = c;
		logger.n_ctx++;
	}
}

void log_ctx_pop(struct log_ctx *c)
{
	if (!c->pushed)
		return;
	logger.ctx = c->prev;
	logger.n_ctx--;
	c->pushed = false;
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_CRIT_LEVEL:
		return "CRIT";
	case LOG_ERROR_LEVEL:
		return "ERRO";
	case LOG_WARN_LEVEL:
		return "WARN";
	case LOG_INFO_LEVEL:
		return "INFO";
	case LOG_DEBUG_LEVEL:
		return "DEBG";
	case LOG_TRACE_LEVEL:
		return "TRCE";
	}
	return "CRIT";
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_CRIT_LEVEL:
		return "critical";
	case LOG_ERROR_LEVEL:
		return "error";
	case LOG_WARN_LEVEL:
		return "warning";
	case LOG_INFO_LEVEL:
		return "info";
	case LOG_DEBUG_LEVEL:
		return "debug";
	case LOG_TRACE_LEVEL:
		return "trace";
	}
	return "critical";
}

/* Escapes @text into @s as far as @room bytes go; a cut is marked by "...". */
static void add_escaped(struct str *s, const char *text, size_t room)
{
	size_t n = strlen(text), end = s->n + room;
	char out[STR_JSON_STEP_MAX];

	for (size_t i = 0; i < n;) {
		size_t step = str_json_step(text + i, n - i, out);

		/* For people only what could forge a line is escaped. */
		if (logger.format == LOG_PLAIN && (text[i] == '"' || text[i] == '\\'))
			memmove(out, out + 1, sizeof(out) - 1);
		if (s->n + strlen(out) + (i + step < n ? 3 : 0) > end) {
			if (s->n + 3 <= end)
				(void)str_add(s, "...");
			return;
		}
		(void)str_add(s, out);
		i += step;
	}
}

static void add_pair(struct str *s, const char *key, const char *value)
{
	size_t start = s->n;

	if (logger.format == LOG_JSON) {
		(void)str_add(s, ",\"");
		add_escaped(s, key, VALUE_MAX);
		(void)str_add(s, "\":\"");
		add_escaped(s, value, VALUE_MAX);
		(void)str_add(s, "\"");
	} else {
		(void)str_add(s, " ");
		add_escaped(s, key, VALUE_MAX);
		(void)str_add(s, "=");
		add_escaped(s, value, VALUE_MAX);
	}
	/* A pair that does not fit is left out whole. */
	if (s->failed != 0) {
		s->failed = 0;
		s->n = start;
		s->p[start] = '\0';
	}
}

static bool is_key_taken(const struct log_ctx *upto)
{
	static const char *const fixed[] = {"ts",        "level", "msg",  "version",
					    "subsystem", "pid",   "name", "source"};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		if (streq(upto->key, fixed[i]))
			return true;
	}
	for (const struct log_ctx *c = logger.ctx; c != upto; c = c->prev) {
		if (streq(upto->key, c->key))
			return true;
	}
	return false;
}

static void add_tail(struct str *s, const char *module)
{
	if (logger.format == LOG_JSON) {
		char pid[sizeof("-2147483648")];

		(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
		(void)str_add(s, "\"");
		add_pair(s, "version", PITH_VERSION);
		add_pair(s, "subsystem", module);
		add_pair(s, "pid", pid);
		add_pair(s, "name", logger.name);
		add_pair(s, "source", logger.source);
	}
	for (const struct log_ctx *c = logger.ctx; c != NULL; c = c->prev) {
		if (!is_key_taken(c))
			add_pair(s, c->key, c->value);
	}
}

static void add_head(struct str *s, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char when[sizeof("-2147483648-12-31T23:59:59")];

	if (logger.format == LOG_PLAIN) {
		(void)str_addf(s, "%s: %s: ", logger.name, level_name(level));
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) == NULL ||
	    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		(void)str_copy(when, sizeof(when), "1970-01-01T00:00:00");
	(void)str_addf(s, "{\"ts\":\"%s.%09ldZ\",\"level\":\"%s\",\"msg\":\"", when, now.tv_nsec,
		       level_word(level));
}

static int write_stderr(const char *line, size_t n)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	/* stderr is shared, so it cannot be made non-blocking. A pipe with POLLOUT takes PIPE_BUF. */
	if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
		return -EAGAIN;
	return write(STDERR_FILENO, line, n) == (ssize_t)n ? 0 : -EIO;
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
	char line_buf[LINE_MAX_BYTES], tail_buf[TAIL_MAX_BYTES], text[2048];
	struct str line = STR_FIXED(line_buf), tail = STR_FIXED(tail_buf);
	int saved = errno, n, r;
	va_list ap;

	if (level > logger.level)
		return;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		(void)str_copy(text, sizeof(text), fmt);
	else if ((size_t)n >= sizeof(text))
		text[str_utf8_floor(text, sizeof(text) - 1)] = '\0';

	add_tail(&tail, module);
	add_head(&line, level);
	/* 2: the closing brace and the newline. */
	add_escaped(&line, text, line.max - line.n - tail.n - 2);
	(void)str_add(&line, str_text(&tail));
	(void)str_add(&line, logger.format == LOG_JSON ? "}\n" : "\n");

	if (logger.sink.write != NULL)
		r = logger.sink.write(logger.sink.data, line.p, line.n);
	else
		r = write_stderr(line.p, line.n);
	if (r < 0)
		logger.dropped++;
	errno = saved;
}
