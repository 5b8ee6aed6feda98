/* SPDX-License-Identifier: Apache-2.0 */
/* init's two text readers: the kernel command line and mountinfo. */
#include "init/cmdline.h"
#include "init/mountlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size}, rest = text;
	struct boot_params p;
	char path[128];

	boot_params_parse(text, &p, NULL, NULL);
	if (p.agent[0] != '/' || memchr(p.agent, '\0', sizeof(p.agent)) == NULL ||
	    p.shutdown_grace_ms > BOOT_GRACE_MAX_S * 1000)
		abort();
	while (mountlist_next(&rest, path, sizeof(path)))
		if (memchr(path, '\0', sizeof(path)) == NULL)
			abort();
	return 0;
}
