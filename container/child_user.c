/* SPDX-License-Identifier: Apache-2.0 */
/* passwd(5) lines, parsed in place. Runs in the child: no allocation, no locale, no name service. */
#include "container/child_user.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	NAME,
	PASSWORD,
	UID,
	GID,
	GECOS,
	HOME,
	SHELL,
	FIELDS
};

struct field {
	const char *p;
	size_t n;
};

static bool split(const char *line, size_t n, struct field f[static FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		const char *end = memchr(line, ':', n);
		size_t len = end == NULL ? n : (size_t)(end - line);

		if ((end == NULL) != (i == SHELL))
			return false;
		f[i] = (struct field){line, len};
		if (end != NULL) {
			line = end + 1;
			n -= len + 1;
		}
	}
	return true;
}

static bool number(struct field f, uint32_t *ret)
{
	uint64_t v = 0;

	if (f.n == 0 || f.n > 10)
		return false;
	for (size_t i = 0; i < f.n; i++) {
		if (f.p[i] < '0' || f.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(f.p[i] - '0');
	}
	if (v >= UINT32_MAX) /* -1 means "unchanged" to setresuid(2) */
		return false;
	*ret = (uint32_t)v;
	return true;
}

int child_user_find(const char *text, size_t n, const char *name, uint32_t uid,
		    struct child_user *ret)
{
	size_t want = name == NULL ? 0 : strlen(name);

	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t len = end == NULL ? n : (size_t)(end - text);
		struct field f[FIELDS];
		uint32_t u, g;

		if (split(text, len, f) && number(f[UID], &u) && number(f[GID], &g)) {
			bool match = name == NULL ? u == uid
						  : f[NAME].n == want && want > 0 &&
							    memcmp(f[NAME].p, name, want) == 0;

			if (match) {
				*ret = (struct child_user){u, g, f[HOME].p, f[HOME].n};
				return 0;
			}
		}
		if (end == NULL)
			break;
		text = end + 1;
		n -= len + 1;
	}
	return -ENOENT;
}
