/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded strings, slices and UTF-8. Never logs: the log is built on this file. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#define STR_FIRST_CAP 64

void str_done(struct str *s)
{
	if (!s->fixed) {
		free(s->p);
		s->p = NULL;
		s->cap = 0;
	}
	s->n = 0;
	s->failed = 0;
}

void str_clear(struct str *s)
{
	s->n = 0;
	s->failed = 0;
	if (s->p != NULL)
		s->p[0] = '\0';
}

/* Room for @n more bytes and the NUL. */
static int reserve(struct str *s, size_t n)
{
	size_t need, cap;
	char *p;

	if (s->failed != 0)
		return s->failed;
	if (n > s->max - s->n)
		return s->failed = -ENOBUFS;
	need = s->n + n + 1;
	if (need <= s->cap)
		return 0;

	cap = MAX(s->cap, (size_t)STR_FIRST_CAP);
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (s->max < SIZE_MAX)
		cap = MIN(cap, s->max + 1);
	p = realloc(s->p, cap);
	if (p == NULL)
		return s->failed = -ENOMEM;
	s->p = p;
	s->cap = cap;
	return 0;
}

int str_add_n(struct str *s, const void *p, size_t n)
{
	int r = reserve(s, n);

	if (r < 0)
		return r;
	if (n > 0)
		memcpy(s->p + s->n, p, n);
	s->n += n;
	s->p[s->n] = '\0';
	return 0;
}

int str_add(struct str *s, const char *text)
{
	return str_add_n(s, text, strlen(text));
}

int str_add_char(struct str *s, char c)
{
	return str_add_n(s, &c, 1);
}

int str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return s->failed = -EINVAL;

	r = reserve(s, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	(void)vsnprintf(s->p + s->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	s->n += (size_t)n;
	return 0;
}

size_t str_json_step(const char *p, size_t n, char out[static STR_JSON_STEP_MAX])
{
	static const char hex[] = "0123456789abcdef";
	/* The short escapes of RFC 8259, indexed by control byte. */
	static const char shorts[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	unsigned char c = (unsigned char)p[0];
	size_t len;

	memset(out, 0, STR_JSON_STEP_MAX);
	if (c == '"' || c == '\\' || (c < 0x20 && shorts[c] != 0)) {
		out[0] = '\\';
		out[1] = c < 0x20 ? shorts[c] : (char)c;
		return 1;
	}
	if (c < 0x20) {
		memcpy(out, "\\u00", 4);
		out[4] = hex[c >> 4];
		out[5] = hex[c & 15];
		return 1;
	}
	len = str_utf8_len(p, n);
	if (len == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 1;
	}
	memcpy(out, p, len);
	return len;
}

int str_add_json(struct str *s, const char *text, size_t n)
{
	char out[STR_JSON_STEP_MAX];
	size_t start = s->n;

	for (size_t i = 0; i < n;) {
		int r;

		i += str_json_step(text + i, n - i, out);
		r = str_add(s, out);
		if (r < 0) {
			s->n = start;
			if (s->p != NULL)
				s->p[start] = '\0';
			return r;
		}
	}
	return s->failed;
}

int str_check(const struct str *s)
{
	return s->failed;
}

const char *str_text(const struct str *s)
{
	return s->p != NULL ? s->p : "";
}

char *str_take(struct str *s)
{
	char *p = NULL;

	if (s->failed == 0)
		p = s->p == NULL || s->fixed ? strdup(str_text(s)) : TAKE_PTR(s->p);
	str_done(s);
	return p;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_copy(char *buf, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (size == 0)
		return -ENAMETOOLONG;
	if (n < size) {
		memcpy(buf, s, n + 1);
		return 0;
	}
	memcpy(buf, s, size - 1);
	buf[size - 1] = '\0';
	return -ENAMETOOLONG;
}

struct slice slice_of(const char *s)
{
	return (struct slice){s, strlen(s)};
}

bool slice_eq(struct slice a, const char *b)
{
	size_t n = strlen(b);

	return a.n == n && (n == 0 || memcmp(a.p, b, n) == 0);
}

bool slice_cut(struct slice *rest, char sep, struct slice *ret)
{
	const char *end;

	if (rest->p == NULL)
		return false;
	end = memchr(rest->p, sep, rest->n);
	if (end == NULL) {
		*ret = *rest;
		*rest = (struct slice){NULL, 0};
		return true;
	}
	*ret = (struct slice){rest->p, (size_t)(end - rest->p)};
	rest->n -= ret->n + 1;
	rest->p = end + 1;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t str_utf8_len(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	/* The range of the second byte excludes overlong forms, surrogates and above U+10FFFF. */
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool str_is_utf8(const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = str_utf8_len(p + i, n - i);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

size_t str_utf8_floor(const char *p, size_t n)
{
	size_t start = n;

	/* At most three continuation bytes follow a lead byte. */
	while (start > 0 && n - start < 3 && ((unsigned char)p[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || (unsigned char)p[start - 1] < 0xc0)
		return n;
	return str_utf8_len(p + start - 1, n - start + 1) != 0 ? n : start - 1;
}
