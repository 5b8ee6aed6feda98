/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subset of TOML that Kata's agent configuration uses: keys with strings, numbers, booleans, arrays of
 * strings and inline tables of durations; table headers. What is not understood is logged
 * and skipped, so that a file for another version still gives what both know.
 */
#define LOG_MODULE "config"
#include <ctype.h>

#include "agent/config_table.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"

#define ALLOWED_MAX 256 /* method names; the API has 44 */

struct reader {
	struct agent_config *c;
	const char *p;
	char section[64];
};

static void skip_blank(struct reader *r, bool lines)
{
	for (;;) {
		if (*r->p == '#')
			r->p += strcspn(r->p, "\n");
		else if (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || (lines && *r->p == '\n'))
			r->p++;
		else
			return;
	}
}

static void skip_line(struct reader *r)
{
	r->p += strcspn(r->p, "\n");
}

static int read_key(struct reader *r, char *buf, size_t size)
{
	size_t n = 0;
	char quote = 0;

	if (*r->p == '"' || *r->p == '\'')
		quote = *r->p++;
	while (isalnum((unsigned char)r->p[n]) || (r->p[n] != '\0' && strchr("_-.", r->p[n])))
		n++;
	if (n == 0 || n >= size)
		return -EINVAL;
	memcpy(buf, r->p, n);
	buf[n] = '\0';
	r->p += n;
	if (quote == 0)
		return 0;
	if (*r->p != quote)
		return -EINVAL;
	r->p++;
	return 0;
}

/* Only the two escapes that a path or a name can need; others make the string not understood. */
static int read_string(struct reader *r, struct str *out)
{
	char quote = *r->p++;

	for (; *r->p != quote; r->p++) {
		if (*r->p == '\0' || *r->p == '\n')
			return -EINVAL;
		if (*r->p == '\\' && quote == '"') {
			r->p++;
			if (*r->p != '\\' && *r->p != '"')
				return -EINVAL;
		}
		(void)str_add_char(out, *r->p);
	}
	r->p++;
	return str_check(out);
}

static void read_bare(struct reader *r, struct str *out)
{
	while (*r->p != '\0' && strchr(" \t\r\n,]}#", *r->p) == NULL)
		(void)str_add_char(out, *r->p++);
}

/* A string or a bare word. */
static int read_scalar(struct reader *r, struct str *out)
{
	str_clear(out);
	if (*r->p == '"' || *r->p == '\'')
		return read_string(r, out);
	read_bare(r, out);
	return out->n > 0 ? str_check(out) : -EINVAL;
}

static int add_allowed(struct agent_config *c, const char *name)
{
	if (c->allowed == NULL) {
		c->allowed = arena_array(&c->arena, ALLOWED_MAX, sizeof(*c->allowed));
		if (c->allowed == NULL)
			return -ENOMEM;
	}
	if (c->n_allowed == ALLOWED_MAX)
		return -ENOSPC;
	c->allowed[c->n_allowed] = arena_dup(&c->arena, name);
	if (c->allowed[c->n_allowed] == NULL)
		return -ENOMEM;
	c->n_allowed++;
	return 0;
}

static int read_array(struct reader *r, bool is_allowed)
{
	cleanup_str struct str v = STR_INIT(256);

	r->p++;
	for (;;) {
		skip_blank(r, true);
		if (*r->p == ']') {
			r->p++;
			return 0;
		}
		if (read_scalar(r, &v) < 0)
			return -EINVAL;
		if (is_allowed && add_allowed(r->c, str_text(&v)) < 0)
			return -ENOSPC;
		skip_blank(r, true);
		if (*r->p == ',')
			r->p++;
		else if (*r->p != ']')
			return -EINVAL;
	}
}

/* { secs = N, nanos = N }, of which the whole seconds count here, or { allowed = [...] }. */
static int read_inline_table(struct reader *r, bool is_endpoints, struct str *secs)
{
	cleanup_str struct str v = STR_INIT(64);
	char key[32];

	str_clear(secs);
	r->p++;
	for (;;) {
		skip_blank(r, false);
		if (*r->p == '}') {
			r->p++;
			return 0;
		}
		if (read_key(r, key, sizeof(key)) < 0)
			return -EINVAL;
		skip_blank(r, false);
		if (*r->p != '=')
			return -EINVAL;
		r->p++;
		skip_blank(r, false);
		if (*r->p == '[' ? read_array(r, is_endpoints && streq(key, "allowed")) < 0
				 : read_scalar(r, &v) < 0)
			return -EINVAL;
		if (streq(key, "secs"))
			(void)str_add(secs, str_text(&v));
		skip_blank(r, false);
		if (*r->p == ',')
			r->p++;
		else if (*r->p != '}')
			return -EINVAL;
	}
}

static const struct config_word *find_key(const char *key)
{
	for (size_t i = 0; i < config_n_words; i++) {
		if (streq(config_words[i].file_key, key))
			return &config_words[i];
	}
	return NULL;
}

static bool is_allowed_key(const struct reader *r, const char *key)
{
	if (r->section[0] == '\0')
		return streq(key, "endpoints.allowed");
	return streq(r->section, "endpoints") && streq(key, "allowed");
}

static int read_value(struct reader *r, const char *key)
{
	cleanup_str struct str v = STR_INIT(4096);
	const struct config_word *w = NULL;
	int n;

	/* Written as a dotted key or an inline table, it restricts as well. */
	if (r->section[0] == '\0' && (streq(key, "endpoints") || str_starts(key, "endpoints.")))
		r->c->has_allowed = true;
	if (r->section[0] == '\0')
		w = find_key(key);
	else if (streq(key, "secs"))
		w = find_key(r->section); /* a duration written as [hotplug_timeout] */

	if (*r->p == '[')
		return read_array(r, is_allowed_key(r, key));
	n = *r->p == '{' ? read_inline_table(r, w == NULL && streq(key, "endpoints"), &v)
			 : read_scalar(r, &v);
	if (n < 0)
		return n;
	if (w == NULL)
		return 0;
	return config_apply(r->c, w, str_text(&v));
}

static void read_header(struct reader *r)
{
	char name[sizeof(r->section)];

	while (*r->p == '[')
		r->p++;
	skip_blank(r, false);
	if (read_key(r, name, sizeof(name)) < 0)
		(void)str_copy(name, sizeof(name), "?");
	(void)str_copy(r->section, sizeof(r->section), name);
	if (streq(name, "endpoints"))
		r->c->has_allowed = true;
	skip_line(r);
}

void agent_config_parse_file(struct agent_config *c, const char *text)
{
	struct reader r = {.c = c, .p = text};
	char key[64];

	for (;;) {
		skip_blank(&r, true);
		if (*r.p == '\0')
			return;
		if (*r.p == '[') {
			read_header(&r);
			continue;
		}
		if (read_key(&r, key, sizeof(key)) < 0) {
			log_warn("configuration file: a line is not understood, skipped");
			skip_line(&r);
			continue;
		}
		skip_blank(&r, false);
		if (*r.p != '=') {
			log_warn("configuration file: '%s' has no value, skipped", key);
			skip_line(&r);
			continue;
		}
		r.p++;
		skip_blank(&r, false);
		if (read_value(&r, key) < 0) {
			log_warn("configuration file: the value of '%s' is not understood, skipped",
				 key);
			skip_line(&r);
		}
	}
}
