/* SPDX-License-Identifier: Apache-2.0 */
/* Any ten bytes are a header, and come back the same. */
#include <stdlib.h>
#include <string.h>

#include "ttrpc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t back[TTRPC_HEADER_SIZE];
	struct ttrpc_header h;

	if (size < TTRPC_HEADER_SIZE)
		return 0;
	ttrpc_header_decode(data, &h);
	ttrpc_header_encode(&h, back);
	if (memcmp(data, back, sizeof(back)) != 0)
		abort();
	return 0;
}
