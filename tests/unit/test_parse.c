/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "tests/test.h"

TEST(u32_takes_its_whole_range)
{
	uint32_t v = 7;

	CHECK(parse_u32("0", &v) == 0 && v == 0);
	CHECK(parse_u32("4294967295", &v) == 0 && v == UINT32_MAX);
	CHECK(parse_u32("4294967296", &v) == -ERANGE && v == UINT32_MAX);
}

TEST(u64_takes_its_whole_range)
{
	uint64_t v = 7;

	CHECK(parse_u64("18446744073709551615", &v) == 0 && v == UINT64_MAX);
	CHECK(parse_u64("18446744073709551616", &v) == -ERANGE);
	CHECK(parse_u64("99999999999999999999999", &v) == -ERANGE && v == UINT64_MAX);
}

TEST(i64_takes_its_whole_range)
{
	int64_t v = 7;

	CHECK(parse_i64("-9223372036854775808", &v) == 0 && v == INT64_MIN);
	CHECK(parse_i64("9223372036854775807", &v) == 0 && v == INT64_MAX);
	CHECK(parse_i64("9223372036854775808", &v) == -ERANGE);
	CHECK(parse_i64("-9223372036854775809", &v) == -ERANGE && v == INT64_MAX);
}

TEST(anything_but_digits_is_refused_and_leaves_the_result_alone)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1a", "1\n", "१"};
	uint64_t v = 7;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(parse_u64(bad[i], &v) == -EINVAL && v == 7);
}

TEST(i64_takes_one_minus_only)
{
	int64_t v = 7;

	CHECK(parse_i64("--1", &v) == -EINVAL);
	CHECK(parse_i64("-", &v) == -EINVAL && v == 7);
	CHECK(parse_i64("-0", &v) == 0 && v == 0);
}

TEST(hex_takes_both_cases_and_no_prefix)
{
	uint64_t v;

	CHECK(parse_hex64("fFfFffffffffffff", &v) == 0 && v == UINT64_MAX);
	CHECK(parse_hex64("10000000000000000", &v) == -ERANGE);
	CHECK(parse_hex64("0x1", &v) == -EINVAL);
}

TEST(octal_refuses_eight)
{
	uint32_t v;

	CHECK(parse_octal32("0755", &v) == 0 && v == 0755);
	CHECK(parse_octal32("8", &v) == -EINVAL);
	CHECK(parse_octal32("40000000000", &v) == -ERANGE);
}

TEST(sizes_take_a_suffix_of_either_case)
{
	uint64_t v;

	CHECK(parse_size("12", &v) == 0 && v == 12);
	CHECK(parse_size("64k", &v) == 0 && v == 65536);
	CHECK(parse_size("1M", &v) == 0 && v == 1048576);
	CHECK(parse_size("2g", &v) == 0 && v == UINT64_C(2) << 30);
	CHECK(parse_size("3T", &v) == 0 && v == UINT64_C(3) << 40);
}

TEST(sizes_that_overflow_or_are_a_bare_suffix_are_refused)
{
	uint64_t v = 7;

	CHECK(parse_size("18014398509481984k", &v) == -ERANGE);
	CHECK(parse_size("k", &v) == -EINVAL);
	CHECK(parse_size("1kk", &v) == -EINVAL);
	CHECK(parse_size("1kb", &v) == -EINVAL && v == 7);
}

TEST(cpulist_sets_ranges_and_singles)
{
	uint64_t bits[2] = {~UINT64_C(0), ~UINT64_C(0)};
	unsigned count = 0;

	CHECK(parse_cpulist("0-2,5,63-64", bits, 128, &count) == 0);
	CHECK(bits[0] == (UINT64_C(0x27) | UINT64_C(1) << 63) && bits[1] == 1);
	CHECK(count == 65);
}

TEST(empty_cpulist_is_the_empty_set)
{
	uint64_t bits[1] = {3};
	unsigned count = 9;

	CHECK(parse_cpulist("", bits, 64, &count) == 0);
	CHECK(bits[0] == 0 && count == 0);
}

TEST(bad_cpulists_are_refused_and_leave_the_bits_alone)
{
	static const char *const bad[] = {"0,",    ",0", "2-1", "1-", "-1",
					  "0-1-2", "a",  "0 ",  "64", "0-18446744073709551615"};
	uint64_t bits[1] = {3};
	unsigned count = 9;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK(parse_cpulist(bad[i], bits, 64, &count) < 0);
		CHECK(bits[0] == 3 && count == 9);
	}
}
