/* SPDX-License-Identifier: Apache-2.0 */
/* Strict number parsers over untrusted text: no locale, no leading space, no silent wrap-around. */
#include "base/parse.h"

#include <limits.h>

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return INT_MAX;
}

static int parse_base(struct slice s, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		int d = digit_of(s.p[i]);

		if (d >= (int)base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return -ERANGE;
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_slice_u64(struct slice s, uint64_t *ret)
{
	return parse_base(s, 10, UINT64_MAX, ret);
}

int parse_u64(const char *s, uint64_t *ret)
{
	return parse_slice_u64(slice_of(s), ret);
}

int parse_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = parse_base(slice_of(s), 10, UINT32_MAX, &v);

	if (r < 0)
		return r;
	*ret = (uint32_t)v;
	return 0;
}

int parse_i64(const char *s, int64_t *ret)
{
	bool negative = s[0] == '-';
	uint64_t v;
	int r = parse_base(slice_of(s + negative), 10, (uint64_t)INT64_MAX + negative, &v);

	if (r < 0)
		return r;
	/* Negation in unsigned arithmetic, where -INT64_MIN is defined. */
	*ret = (int64_t)(negative ? -v : v);
	return 0;
}

int parse_hex64(const char *s, uint64_t *ret)
{
	return parse_base(slice_of(s), 16, UINT64_MAX, ret);
}

int parse_octal32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = parse_base(slice_of(s), 8, UINT32_MAX, &v);

	if (r < 0)
		return r;
	*ret = (uint32_t)v;
	return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
	static const char suffixes[] = "kmgt";
	struct slice text = slice_of(s);
	unsigned shift = 0;
	uint64_t v;
	int r;

	if (text.n > 1) {
		const char *at = memchr(suffixes, s[text.n - 1] | 0x20, sizeof(suffixes) - 1);

		if (at != NULL) {
			shift = 10 * (unsigned)(at - suffixes + 1);
			text.n--;
		}
	}
	r = parse_base(text, 10, UINT64_MAX >> shift, &v);
	if (r < 0)
		return r;
	*ret = v << shift;
	return 0;
}

/* One "N" or "N-M" of a cpu list. */
static int parse_range(struct slice s, unsigned max_bits, uint64_t *lo, uint64_t *hi)
{
	struct slice first;
	int r;

	(void)slice_cut(&s, '-', &first);
	r = parse_slice_u64(first, lo);
	if (r < 0)
		return r;
	*hi = *lo;
	if (s.p != NULL) {
		r = parse_slice_u64(s, hi);
		if (r < 0)
			return r;
	}
	if (*hi < *lo)
		return -EINVAL;
	return *hi < max_bits ? 0 : -ERANGE;
}

int parse_cpulist(const char *s, uint64_t *bits, unsigned max_bits, unsigned *ret_count)
{
	struct slice rest = slice_of(s), part;
	uint64_t lo, hi, count = 0;
	int r;

	if (rest.n > 0) {
		while (slice_cut(&rest, ',', &part)) {
			r = parse_range(part, max_bits, &lo, &hi);
			if (r < 0)
				return r;
			count = MAX(count, hi + 1);
		}
	}

	/* The text is good: only now touch the result. */
	memset(bits, 0, ((size_t)max_bits + 63) / 64 * sizeof(*bits));
	rest = slice_of(s);
	while (rest.n > 0 && slice_cut(&rest, ',', &part)) {
		r = parse_range(part, max_bits, &lo, &hi);
		if (r < 0)
			return r;
		for (uint64_t b = lo; b <= hi; b++)
			bits[b / 64] |= UINT64_C(1) << (b % 64);
	}
	*ret_count = (unsigned)count;
	return 0;
}
