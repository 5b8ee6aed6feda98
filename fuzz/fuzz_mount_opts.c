/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options of a spec, one a line after the type on the first: flags, attributes and data. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "container/plan_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct plan_mount *m, size_t n)
{
	assert(m->n_options <= n && m->n_propagation <= n);
	assert((m->attr_set & m->attr_clear & ~(uint64_t)MOUNT_ATTR__ATIME) == 0);
	assert((m->attr_set & MOUNT_ATTR__ATIME) != (MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME));
	assert((m->attr_set & MOUNT_ATTR__ATIME) == 0 ||
	       (m->attr_clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
	if (m->flags & PLAN_MNT_BIND)
		assert(m->n_options == 0);
	if (m->data != NULL)
		assert(strlen(m->data) < 4096);
	for (size_t i = 0; i < m->n_options; i++)
		assert(strchr(m->options[i].key, '=') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan plan = {.arena = ARENA_INIT(1U << 22)};
	struct plan_mount out = {.target = "/t"};
	const char *words[256];
	struct ctr_mount in = {.destination = "/t", .options = {words, 0}};
	struct err e = {0};
	char *text = calloc(1, size + 1), *save = NULL;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	for (char *w = strtok_r(text, "\n", &save); w != NULL && in.options.n < 256;
	     w = strtok_r(NULL, "\n", &save)) {
		if (in.type == NULL)
			in.type = w;
		else
			words[in.options.n++] = w;
	}
	if (plan_mount_options(&plan, &in, &out, &e) == 0)
		check(&out, in.options.n);
	else
		assert(e.code < 0 && e.msg[0] != '\0');
	arena_done(&plan.arena);
	free(text);
	return 0;
}
