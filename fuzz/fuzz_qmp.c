/* SPDX-License-Identifier: Apache-2.0 */
/* A line of QEMU's monitor. */
#include <assert.h>
#include <string.h>

#include "vmm/qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char desc[32] = "";

	(void)vmm_qmp_classify((const char *)data, size, desc, sizeof(desc));
	assert(memchr(desc, '\0', sizeof(desc)) != NULL);
	return 0;
}
