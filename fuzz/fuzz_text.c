/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, UTF-8, JSON escapes, slices and lexical paths over arbitrary text. */
#include <assert.h>
#include <stdlib.h>

#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_numbers(const char *s)
{
	uint64_t u, bits[4];
	unsigned count;
	uint32_t w;
	int64_t i;

	if (parse_u32(s, &w) == 0)
		assert(parse_u64(s, &u) == 0 && u == w);
	if (parse_i64(s, &i) == 0 && i > 0)
		assert(parse_u64(s, &u) == 0 && u == (uint64_t)i);
	(void)!parse_hex64(s, &u);
	(void)!parse_octal32(s, &w);
	(void)!parse_size(s, &u);
	if (parse_cpulist(s, bits, 256, &count) == 0)
		assert(count <= 256 &&
		       (count == 0 || (bits[(count - 1) / 64] >> (count - 1) % 64 & 1)));
}

static void fuzz_path(const char *s, size_t n)
{
	cleanup_free char *once = malloc(n + 2);
	cleanup_free char *twice = malloc(n + 2);

	assert(once != NULL && twice != NULL);
	assert(path_clean(s, once, n + 2) == 0);
	assert(path_clean(once, twice, n + 2) == 0 && streq(once, twice));
	assert(strstr(once, "//") == NULL && !str_ends(once, "/.."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_str struct str json = STR_INIT(SIZE_MAX / 2);
	cleanup_free char *s = strndup((const char *)data, n);
	const char *text = (const char *)data;
	struct slice rest = {text, n}, part;
	size_t total = 0;

	assert(s != NULL && str_add_json(&json, text, n) == 0);
	assert(str_is_utf8(str_text(&json), json.n) && str_utf8_floor(text, n) <= n);
	for (size_t i = 0; i < json.n; i++)
		assert((unsigned char)json.p[i] >= 0x20);
	while (slice_cut(&rest, '/', &part))
		total += part.n + 1;
	assert(text == NULL || total == n + 1);
	fuzz_numbers(s);
	fuzz_path(s, strlen(s));
	return 0;
}
