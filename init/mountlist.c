/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mountinfo without libmount: init is static and needs one column. */
#include "init/mountlist.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Space, tab, newline and backslash come as \ooo. */
static bool unescape(struct slice s, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 3 < s.n && is_octal(s.p[i + 1]) && is_octal(s.p[i + 2]) &&
		    is_octal(s.p[i + 3])) {
			c = (char)((s.p[i + 1] - '0') << 6 | (s.p[i + 2] - '0') << 3 |
				   (s.p[i + 3] - '0'));
			i += 3;
		}
		if (n + 1 >= size)
			return false;
		buf[n++] = c;
	}
	buf[n] = '\0';
	return n > 0;
}

bool mountlist_next(struct slice *rest, char *buf, size_t size)
{
	struct slice line, field;

	while (slice_cut(rest, '\n', &line)) {
		bool ok = true;

		for (int i = 0; i < 5 && ok; i++)
			ok = slice_cut(&line, ' ', &field);
		if (ok && unescape(field, buf, size))
			return true;
	}
	return false;
}
