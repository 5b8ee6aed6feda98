/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values as indented "name: value" lines. What comes from a guest is escaped for a terminal. */
#include "agent-ctl/print.h"

#include <stdio.h>
#include <string.h>

#include "agent-ctl/ctl.h"

#define INDENT 2

/* Control bytes could drive the reader's terminal; tab and newline are harmless. */
static void put_text(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
		if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			(void)printf("\\x%02x", *p);
		else
			(void)putchar(*p);
	}
}

static bool is_scalar(const json_t *j)
{
	return !json_is_object(j) && !json_is_array(j);
}

static void put_scalar(const json_t *j)
{
	if (json_is_string(j))
		put_text(json_string_value(j));
	else if (json_is_integer(j))
		(void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(j));
	else if (json_is_real(j))
		(void)printf("%g", json_real_value(j));
	else
		(void)fputs(json_is_true(j) ? "true" : "false", stdout);
}

static bool is_short_list(const json_t *j)
{
	for (size_t i = 0; i < json_array_size(j); i++) {
		if (!is_scalar(json_array_get(j, i)))
			return false;
	}
	return json_is_array(j);
}

static void put_short_list(const json_t *j)
{
	for (size_t i = 0; i < json_array_size(j); i++) {
		if (i > 0)
			(void)fputs(", ", stdout);
		put_scalar(json_array_get(j, i));
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the messages nest, which do not contain themselves */
static void put_members(const json_t *object, int depth)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		(void)printf("%*s", depth * INDENT, "");
		put_text(key);
		(void)putchar(':');
		if (is_scalar(v) || is_short_list(v)) {
			(void)putchar(' ');
			if (is_scalar(v))
				put_scalar(v);
			else
				put_short_list(v);
			(void)putchar('\n');
			continue;
		}
		(void)putchar('\n');
		if (json_is_object(v))
			put_members(v, depth + 1);
		for (size_t i = 0; i < json_array_size(v); i++) {
			(void)printf("%*s-\n", (depth + 1) * INDENT, "");
			put_members(json_array_get(v, i), depth + 2);
		}
	}
}

int actl_print_json(const json_t *j, bool as_json)
{
	if (as_json) {
		if (json_dumpf(j, stdout, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
			return actl_say(ACTL_FAILED, "cannot write the answer");
		(void)putchar('\n');
	} else {
		put_members(j, 0);
	}
	return fflush(stdout) == 0 ? ACTL_OK : actl_say(ACTL_FAILED, "cannot write the answer");
}

int actl_print_message(const ProtobufCMessage *m, bool as_json)
{
	cleanup_json json_t *j = actl_json_from_message(m, true);

	if (j == NULL)
		return actl_say(ACTL_FAILED, "no memory for the answer");
	return actl_print_json(j, as_json);
}

const char *actl_size_text(uint64_t n, char *buf, size_t size)
{
	static const char units[] = "KMGTPE";
	double v = (double)n;
	size_t i = 0;

	if (n < 1024) {
		(void)snprintf(buf, size, "%u", (unsigned)n);
		return buf;
	}
	v /= 1024;
	while (v >= 1024 && i + 2 < sizeof(units)) {
		v /= 1024;
		i++;
	}
	(void)snprintf(buf, size, v < 10 ? "%.1f%c" : "%.0f%c", v, units[i]);
	return buf;
}
