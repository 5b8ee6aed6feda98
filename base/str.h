/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded string building and slices for parsing. A struct str never grows past the maximum given at init and is always terminated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

struct str {
	char *p;    /* NUL-terminated once anything was added; "" before (see str_text) */
	size_t n;   /* bytes without the NUL */
	size_t cap; /* bytes allocated */
	size_t max; /* n never exceeds this */
	int failed; /* -errno of the append that did not fit or found no memory; later ones do nothing */
	bool fixed; /* p is the caller's buffer and never freed */
};

struct slice {
	const char *p;
	size_t n;
};

#define STR_INIT(maximum) ((struct str){.max = (maximum)})
/* Over an array of the caller, without malloc. */
#define STR_FIXED(array)                                                                           \
	((struct str){.p = ((array)[0] = '\0', (array)),                                           \
		      .cap = sizeof(array),                                                        \
		      .max = sizeof(array) - 1,                                                    \
		      .fixed = true})
#define cleanup_str __attribute__((cleanup(str_done)))

void str_done(struct str *s);
void str_clear(struct str *s); /* length 0, keeps the memory, clears failed */

/* Appends return 0, or -ENOBUFS / -ENOMEM and set s->failed: a chain of appends is checked once, by str_check. */
int str_add(struct str *s, const char *text);
int str_add_n(struct str *s, const void *p, size_t n);
int str_add_char(struct str *s, char c);
int str_addf(struct str *s, const char *fmt, ...) printf_fmt(2, 3);
/* Appends as the inside of a JSON string: quotes, backslashes and control bytes escaped, invalid UTF-8 replaced by U+FFFD. */
int str_add_json(struct str *s, const char *text, size_t n);
int str_check(const struct str *s) must_check;
const char *str_text(const struct str *s); /* never NULL */
char *str_take(struct str *s);             /* malloc'ed, caller owns; NULL when failed */

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
/* Whole affixes; the empty one always fits. */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
static inline bool str_empty(const char *s)
{
	return s == NULL || s[0] == '\0';
}

/* Copies at most size-1 bytes and terminates. Return: 0 or -ENAMETOOLONG (then a prefix was copied). */
int str_copy(char *buf, size_t size, const char *s);

struct slice slice_of(const char *s);
bool slice_eq(struct slice a, const char *b);
/* Cuts the part before the first @sep off *rest (the whole rest when there is none). Return: false when *rest was empty from the start (p == NULL). */
bool slice_cut(struct slice *rest, char sep, struct slice *ret);
struct slice slice_trim(struct slice s);

/**
 * str_json_step() - one character as it stands inside a JSON string
 * @p:   at least one byte; @n of them may be looked at
 * @out: the escaped form, NUL-terminated
 * Return: bytes of @p consumed, at least 1.
 */
#define STR_JSON_STEP_MAX 8
size_t str_json_step(const char *p, size_t n, char out[static STR_JSON_STEP_MAX]);

/* Whether @n bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool str_is_utf8(const char *p, size_t n);
/* Return: bytes of the character at @text, 0 when it is invalid or cut off. */
size_t str_utf8_len(const char *text, size_t n);
/* Return: the largest length up to @n that does not end inside a character. */
size_t str_utf8_floor(const char *p, size_t n);
