/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: which control group file; the rest: its text. */
#include <stdint.h>
#include <string.h>

#include "container/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_stats struct ctr_stats s = {0};
	cleanup_free char *text = NULL;
	unsigned kind;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	ctr_stats_init(&s);
	kind = data[0] % (CTR_STATS_FILES + 1U);
	if (kind == CTR_STATS_FILES)
		(void)ctr_stats_parse_blkio_v1(&s, CTR_BLKIO_MERGED, text);
	else
		ctr_stats_parse(&s, (enum ctr_stats_file)kind, text);
	return 0;
}
