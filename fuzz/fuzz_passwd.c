/* SPDX-License-Identifier: Apache-2.0 */
/* The container's passwd file, as the child parses it: by name and by number. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "container/child_user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"root", "user", "", NULL};
	const char *text = (const char *)data;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct child_user entry = {0};

		if (child_user_find(text, size, names[i], 1000, &entry) < 0)
			continue;
		assert(entry.uid != UINT32_MAX && entry.gid != UINT32_MAX);
		assert(names[i] != NULL || entry.uid == 1000);
		assert(entry.home >= text && entry.home + entry.home_n <= text + size);
		assert(memchr(entry.home, '\n', entry.home_n) == NULL);
		assert(memchr(entry.home, ':', entry.home_n) == NULL);
	}
	return 0;
}
